/**
 * A server's events as log records.
 *
 * | category               | what                                                                     |
 * | ---------------------- | ------------------------------------------------------------------------ |
 * | `framewire.server`     | it listens, is closed; a handler or accepting failed; no WebAssembly     |
 * | `framewire.connection` | connections and sessions come and go, break, fall behind                 |
 * | `framewire.security`   | refused, not authenticated, over a limit, malformed: `event` says which  |
 *
 * Records hold addresses, codes, counts and messages; no secrets and no payload. What a handler throws
 * is the program's own, and its message is logged.
 *
 * @module
 */
import { type CodecChoice, codecNote } from "../codec/lend.ts";
import type { FramewireError } from "../errors.ts";
import type { GetLogger } from "../observe/logger.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import type { Server } from "./server.ts";

/** Errors of the server's own program: what a handler did, what the system refused. */
const OWN: ReadonlySet<string> = new Set(["HANDLER_FAILED", "HANDLER_TIMEOUT", "ACCEPT_FAILED"]);

/** Notes that the codec is the slower one, once for all servers. */
export function logCodec(choice: CodecChoice, getLogger: GetLogger): void {
  const note = codecNote(choice);
  if (note === undefined) return;
  const { message, cause } = note;
  getLogger(["framewire", "server"]).warn(message, { codec: "ts", cause: String(cause) });
}

/** Logs what happens on a server from now on. */
export function logServer(server: Pick<Server, "on">, getLogger: GetLogger): void {
  const main = getLogger(["framewire", "server"]);
  const connections = getLogger(["framewire", "connection"]);
  const security = getLogger(["framewire", "security"]);
  server.on("listening", ({ hostname, port }) => {
    main.info(`listening on ${hostname} port ${port}`, { hostname, port });
  });
  server.on("close", () => main.info("closed"));
  server.on("connect", (conn) => {
    connections.debug(`connection ${conn.id} from ${conn.remote.hostname}`, about(conn));
  });
  server.on("disconnect", (conn, { code, message, requests, bytesIn, bytesOut }) => {
    const properties = { ...about(conn), code, requests, bytesIn, bytesOut };
    connections.debug(`connection ${conn.id} ended: ${message}`, properties);
  });
  server.on("session", ({ change, id, owner, conn }) => {
    const properties = { change, session: id, owner, ...(conn !== undefined && about(conn)) };
    connections.debug(`session ${id}: ${change}`, properties);
  });
  server.on("drop", (conn, episode) => {
    connections.warn(`connection ${conn.id} is behind: pushes are dropped`, {
      ...about(conn),
      ...episode,
    });
  });
  server.on("refuse", ({ gate, category, remote, message, conn, code }) => {
    security.warn(message, {
      event: category,
      gate,
      ...peer(remote),
      ...(conn !== undefined && { conn }),
      ...(code !== undefined && { code }),
    });
  });
  server.on("error", (error, conn) => {
    const properties = { ...(conn !== undefined && about(conn)), ...details(error) };
    if (OWN.has(error.code) || conn === undefined) main.error(error.message, properties);
    else connections.warn(error.message, properties);
  });
}

function about({ id, remote }: ServerConnection): Record<string, unknown> {
  return { conn: id, ...peer(remote) };
}

function peer({ hostname, port }: ServerConnection["remote"]): Record<string, unknown> {
  return { remote: hostname, port };
}

/** What an error tells beside its message, but for the bytes that came. */
function details(error: FramewireError): Record<string, unknown> {
  const { code, declaredBytes, limitBytes, streamOffset, looksLike, flight } = error;
  const all = { code, declaredBytes, limitBytes, streamOffset, looksLike, flight };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
