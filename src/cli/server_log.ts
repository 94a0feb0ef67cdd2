/**
 * What a server's events say in its log.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import { flightText } from "../observe/flight.ts";
import { formatAddress } from "../link/net_errors.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import type { DrainResult } from "../server/drain.ts";
import type { ServerListeners } from "../server/server.ts";
import type { ServerStats } from "../server/stats.ts";
import { oneLine } from "./failure.ts";
import { FloodLimit } from "./flood_limit.ts";
import { formatBytes, formatCount, plural } from "./size.ts";

/** Where lines go. */
export interface Lines {
  info(line: string): void;
  error(line: string): void;
}

/** Errors of one code that are printed in one second; of the rest, how many they were. */
const MOST_A_SECOND = 10;
/** Errors that are this side's own, and so are told without being asked for. */
const OWN_ERRORS: readonly string[] = ["HANDLER_FAILED", "HANDLER_TIMEOUT"];

/** Listeners that print: all there is with `verbose`, else what is this side's fault. */
export function logListeners(lines: Lines, verbose: boolean): ServerListeners {
  const limit = new FloodLimit(MOST_A_SECOND);
  const holdsBack = (kind: string) =>
    limit.holdsBack(
      kind,
      (held) => lines.error(`error: ${kind}: and ${held} more within a second`),
    );
  const error = (error: FramewireError, conn: ServerConnection | undefined): void => {
    if (!verbose && conn !== undefined && !OWN_ERRORS.includes(error.code)) return;
    if (holdsBack(error.code)) return;
    const where = conn === undefined ? "" : ` on ${name(conn)}`;
    lines.error(`error${where}: ${error.code}: ${oneLine(error.message)}`);
    if (verbose && error.flight !== undefined) lines.error(flightText(error.flight));
    if (verbose && OWN_ERRORS.includes(error.code) && error.cause instanceof Error) {
      lines.error(error.cause.stack ?? error.cause.message);
    }
  };
  if (!verbose) return { error };
  return {
    error,
    refuse: ({ gate, category, remote, message }) => {
      // What is malformed is an error, and told as one.
      if (gate === "protocol" || holdsBack(gate)) return;
      const from = formatAddress(remote.hostname, remote.port);
      lines.error(`security from ${from}: ${category} by ${gate}: ${oneLine(message)}`);
    },
    drop: (conn, { policy, pushes, over }) =>
      lines.info(
        over
          ? `drop ${name(conn)}: over, ${formatCount(pushes)} dropped (${policy})`
          : `drop ${name(conn)}: it is behind, and pushes are dropped (${policy})`,
      ),
    connect: (conn) => lines.info(`connect ${name(conn)}`),
    disconnect: (conn, { code, message, requests, bytesIn, bytesOut }) =>
      lines.info(
        `disconnect ${name(conn)}: ${code} (${oneLine(message)}), ${
          plural(requests, "request")
        }, ` +
          `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`,
      ),
  };
}

/** Takes what the command itself has to say: a line, or a record with properties. */
export type Note = (
  level: "info" | "warn",
  text: string,
  properties?: Record<string, unknown>,
) => void;

/** Tells what became of the connections; without `all`, only when some were cut. */
export function noteDrain(note: Note, { completed, moved, cut }: DrainResult, all: boolean): void {
  const owed = cut.reduce((sum, { owed }) => sum + owed, 0);
  const figures = { completed, moved, cut: cut.length, owed };
  if (cut.length > 0) {
    const what = plural(cut.length, "connection");
    note("warn", `cut ${what} with ${plural(owed, "request")} unanswered`, figures);
  }
  if (all) note("info", `${plural(completed, "connection")} completed, ${moved} moved`, figures);
}

/** The line a server leaves behind. */
export function stopLine(stats: ServerStats, seconds: number): string {
  const failed = stats.failures > 0 ? ` (${stats.failures} failed)` : "";
  return `stopped after ${seconds.toFixed(1)} s: ` +
    `${plural(stats.connections.accepted, "connection")}, ${plural(stats.requests, "request")}` +
    `${failed}, ${formatBytes(stats.bytesIn)} in, ${formatBytes(stats.bytesOut)} out`;
}

function name(conn: ServerConnection): string {
  return `#${conn.id} ${formatAddress(conn.remote.hostname, conn.remote.port)}`;
}
