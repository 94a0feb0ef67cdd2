/**
 * `framewire ping`: how long a server takes to answer, or what it is when it is none of ours.
 *
 * @module
 */
import { isFramewireError } from "../errors.ts";
import type { Command, Context } from "./command.ts";
import { DIAL_FLAGS, readDial, readTime } from "./dial.ts";
import { loadEntry } from "./entry.ts";
import { CommandError, ExitCode, oneLine, UsageError } from "./failure.ts";
import { sleep } from "./pace.ts";
import { PingReport } from "./ping_report.ts";
import { reach } from "./round_trip.ts";
import { onSignals } from "./signals.ts";
import { type CommandUsage, type OptionTable, readArgs } from "./usage.ts";
import { readChoice, readInteger } from "./values.ts";

const OPTIONS = {
  count: { short: "n", value: "N", help: "how many round trips; 0 until Ctrl-C (default 10)" },
  interval: { short: "i", value: "TIME", help: "from one to the next (default 100ms)" },
  protocol: { value: "NAME", help: "submit or echo (default submit)" },
  quiet: { short: "q", help: "print the summary alone" },
  ...DIAL_FLAGS,
} as const satisfies OptionTable;

const DEFAULT_TIMEOUT_MS = 5000;

const usage: CommandUsage<typeof OPTIONS> = {
  name: "ping",
  summary: "Measure round trips to a server",
  operands: "HOST:PORT",
  details: `Sends a Ping where the server knows it, else an empty Conn (or an echo): nothing
that a handler gets to see. One after the other, the next one when the answer of
the last one is there.
Ends with 0 when all were answered, and with 1 when one was lost or the server
is none of the protocol; then it says what it looks like. TIME is 500ms, 2s, or
milliseconds; --timeout is 5s unless it is given.`,
  options: OPTIONS,
  examples: [
    ["framewire ping 127.0.0.1:8888", "ten round trips"],
    ["framewire ping db:9000 -n 0 -i 1s", "one a second until Ctrl-C"],
    ["framewire ping db:9000 --tls --token-file token -q", "over TLS, the summary alone"],
  ],
};

/** The `ping` command. */
export const pingCommand: Command = { usage, run };

async function run({ host, out, err }: Context, args: readonly string[]): Promise<number> {
  const { given, operands } = readArgs(usage, args);
  const [address, ...more] = operands;
  if (address === undefined || more.length > 0) {
    const came = operands.length === 0 ? "none" : operands.join(" ");
    throw new UsageError(`expected one address, HOST:PORT, and got ${came}`);
  }
  const count = readInteger("count", given.count ?? "10", 0, Infinity) || Infinity;
  const intervalMs = readTime("interval", given.interval ?? "100ms", 0);
  const protocol = readChoice("protocol", given.protocol ?? "submit", ["submit", "echo"]);
  const quiet = given.quiet ?? false;
  const dial = await readDial(given, "the address", address, (line) => err.line(line));
  if (protocol === "echo" && dial.token !== undefined) {
    throw new UsageError("--token needs the protocol submit: its hello has it");
  }

  const { connect } = await loadEntry();
  const stopping = new AbortController();
  const stop = stopping.signal;
  onSignals(host, () => stopping.abort(), () => host.exit(ExitCode.FAILED));
  out.closed.addEventListener("abort", () => stopping.abort());
  const timed = { ...dial, timeoutMs: dial.timeoutMs ?? DEFAULT_TIMEOUT_MS };
  const { what, client, trip } = await reach(connect, protocol, timed, stop);
  if (!quiet) out.line(`${dial.url}: ${what}`);

  const report = new PingReport(out, quiet);
  void client.closed.then(() => stopping.abort());
  for (let number = 1; number <= count && !stop.aborted; number++) {
    const sentMs = performance.now();
    try {
      await untilStopped(trip(), stop);
      report.answered(performance.now() - sentMs);
    } catch (error) {
      if (stop.aborted && client.open) break; // Ctrl-C: it was not lost
      if (!isFramewireError(error)) throw error;
      report.unanswered(oneLine(error.message));
    }
    const restMs = intervalMs - (performance.now() - sentMs);
    if (number < count && restMs > 0) await sleep(restMs, stop);
  }
  const lost = !client.open;
  await client.close({ deadlineMs: 0 });
  report.summary();
  if (lost) throw new CommandError(oneLine((await client.closed).message));
  return report.lost > 0 ? ExitCode.FAILED : ExitCode.OK;
}

/** Waits for an answer, and no longer when the command is stopped. */
function untilStopped(answer: Promise<unknown>, stop: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // What broke the connection is heard first, before what follows from it.
    const stopped = () => queueMicrotask(() => reject(stop.reason));
    stop.addEventListener("abort", stopped, { once: true });
    answer.then(resolve, reject).finally(() => stop.removeEventListener("abort", stopped));
  });
}
