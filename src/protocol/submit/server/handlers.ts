/**
 * What a server of the `submit` protocol is given: its handlers, and what they see of a connection.
 *
 * @module
 */
import type { PushOutcome } from "../../../connection/push_queue.ts";
import type { SlowConsumer } from "../../../connection/slow_consumer.ts";
import type { ServerConnection } from "../../protocol.ts";
import type { Feature } from "../commands.ts";
import type { SubmitPacket } from "./packet.ts";
import type { RequestPacket } from "./request_packet.ts";
import type { ServerSession } from "./server_session.ts";

/** A connection of a `submit` server, as handlers and listeners see it. */
export interface SubmitConnection extends ServerConnection {
  /** What this side and the peer agreed upon; empty for a plain peer. */
  readonly features: ReadonlySet<Feature>;
  /** The peer's program, as it says: not to be trusted. */
  readonly agent: string | undefined;
  /** The session that it carries; undefined when the peer has asked for none, or the server has none. */
  readonly session: ServerSession | undefined;
  /**
   * Sends a payload that the peer has not asked for; it needs the feature `push`.
   *
   * @param payload Bytes, or text to be sent as UTF-8. Its memory is free at once.
   * @param policy What is done when the peer is too slow in taking them; by default the server's
   * `slowConsumer`.
   * @returns `"sent"` when it is on its way, `"queued"` when it is behind others that the peer has not
   * taken, `"dropped"` when it will not be sent: the peer has no `push`, too much waits for it already,
   * or the connection ends.
   * @throws FramewireError FRAME_TOO_LARGE.
   */
  push(payload: Uint8Array | string, policy?: SlowConsumer): PushOutcome;
  /**
   * Resolves when the peer has taken so much of what was pushed that the next push is on its way at
   * once. Rejects with CONNECTION_CLOSED.
   */
  drained(): Promise<void>;
}

/**
 * A handler of Submits: returning (or resolving) acknowledges the request with result 0, throwing (or
 * rejecting) with result 1. To a peer that has said hello, a thrown `RequestRefused` has its own result.
 */
export type SubmitHandler = (packet: SubmitPacket, conn: SubmitConnection) => unknown;

/**
 * A handler of Requests: what it returns or resolves is the payload of the Response: bytes, text to be
 * sent as UTF-8, or nothing. What it throws or rejects fails the request with result 1 and nothing
 * more said, unless it is a `RequestRefused`. `packet.signal` aborts at the peer's deadline (answered
 * with result 6), when the peer cancels, and when the connection closes.
 */
export type RequestHandler = (
  packet: RequestPacket,
  conn: SubmitConnection,
) => Uint8Array | string | void | PromiseLike<Uint8Array | string | void>;

/** What a server of the `submit` protocol does with its requests. */
export interface SubmitHandlers {
  /** Takes a Submit. */
  readonly submit: SubmitHandler;
  /** Takes a Request; without it the feature `request` is agreed upon with nobody. */
  readonly request?: RequestHandler;
  /**
   * Takes a Conn, with a hello or without, once that is authenticated; without it every Conn is
   * acknowledged with result 0. After a hello, throwing or rejecting refuses the connection.
   */
  readonly conn?: SubmitHandler;
}
