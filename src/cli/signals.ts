/**
 * The signals that ask the command to stop.
 *
 * @module
 */
import { type Host, readEnv } from "./host.ts";

/** `SIGBREAK` is Ctrl-Break, on Windows alone; `SIGTERM` does not exist there. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGBREAK"] as const;

/**
 * `npm run` passes on the SIGINT that a terminal has sent to its script already: one Ctrl-C comes
 * twice. What comes that soon after the first is its echo.
 */
const NPM_ECHO_MS = 250;

/** Calls `reload` at each SIGHUP, where there is such a signal. */
export function onHangup(host: Host, reload: () => void): void {
  try {
    host.addSignalListener("SIGHUP", reload);
  } catch {
    // This system does not know the signal.
  }
}

/**
 * Calls `stop` at the first signal and `force` at each later one.
 *
 * @param stop Is given the signal's name.
 */
export function onSignals(host: Host, stop: (signal: string) => void, force: () => void): void {
  const underNpm = readEnv(host, "npm_lifecycle_event") !== undefined;
  let stoppedAt: number | undefined;
  for (const signal of SIGNALS) {
    try {
      host.addSignalListener(signal, () => {
        const now = performance.now();
        if (stoppedAt === undefined) {
          stoppedAt = now;
          stop(signal);
        } else if (!underNpm || now - stoppedAt > NPM_ECHO_MS) {
          force();
        }
      });
    } catch {
      // This system does not know the signal.
    }
  }
}
