/**
 * What servers and clients of a defined protocol are made of, loaded by the first of them.
 *
 * @module
 */
import { systemClock } from "../../connection/clock.ts";
import type { Connection } from "../../connection/connection.ts";
import { callBook } from "../call_book.ts";
import type { CallLimits } from "../call_limits.ts";
import type { ClientSide, ServerSide } from "../protocol.ts";
import type { Rules } from "./answers.ts";
import { DefinedEndpoint } from "./endpoint.ts";
import { FrameTemplate } from "./frame_template.ts";
import type { PacketTable } from "./packet_table.ts";
import type { ReplyMaker } from "./packet_type.ts";
import { ReplyPlan } from "./reply_run.ts";
import type { AnyHandler } from "./side.ts";

/** Bounds of what a client's handlers may have under way. */
const CLIENT_LIMITS = { maxInFlight: 1024, maxInFlightBytes: 4_194_304, handlerTimeoutMs: 60_000 };

/** A server's calls to its peers have no bounds but those they are given. */
const SERVER_CALLS: CallLimits = {
  clock: systemClock,
  requestTimeoutMs: 0,
  maxInFlight: Infinity,
  maxQueued: 0,
  overflow: "fail",
  book: callBook,
  deadAfterTimeouts: Infinity,
};

const REPLIES: ReplyMaker = { template: FrameTemplate.of, plan: ReplyPlan.of };

/** Makes the endpoints of a server's connections. */
export function server(
  table: PacketTable,
  rules: Rules,
  handlers: readonly (AnyHandler | undefined)[],
): (connection: Connection, side: ServerSide) => DefinedEndpoint {
  table.replyBy(REPLIES);
  return (connection, side) => {
    const conn = side.conn as object;
    const made: DefinedEndpoint = new DefinedEndpoint(connection, table, rules, handlers, {
      side: "server",
      conn,
      limits: side.limits,
      calls: SERVER_CALLS,
      pushLimits: side.pushLimits,
      dropped: (episode) => side.dropped(episode),
      took: (requests) => side.tookRequests(requests),
      replied(replies, failures) {
        side.counters.replies += replies;
        side.counters.failures += failures;
      },
      report: (error) => side.report(error),
      settled: () => {},
      closed: (reason) => side.closed(reason),
    });
    Object.assign(conn, {
      call: made.call.bind(made),
      send: made.send.bind(made),
    });
    return made;
  };
}

/** Makes the endpoint of a client's connection. */
export function client(
  table: PacketTable,
  rules: Rules,
  connection: Connection,
  side: ClientSide,
): DefinedEndpoint {
  table.replyBy(REPLIES);
  return new DefinedEndpoint(connection, table, rules, [], {
    side: "client",
    conn: undefined,
    limits: CLIENT_LIMITS,
    calls: side.calls,
    pushLimits: undefined,
    dropped: () => {},
    took: () => {},
    replied: () => {},
    report: (error) => side.report(error),
    settled: () => side.settled(),
    closed: (reason) => side.closed(reason),
  });
}
