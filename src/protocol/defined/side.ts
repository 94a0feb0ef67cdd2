/**
 * What the endpoint of a defined protocol needs of the side it is on.
 *
 * @module
 */
import type { CloseReason } from "../../connection/connection.ts";
import type { DropEpisode, PushLimits } from "../../connection/push_queue.ts";
import type { FramewireError } from "../../errors.ts";
import type { CallLimits } from "../call_limits.ts";
import type { Side } from "./packet_table.ts";
import type { ReplyLimits } from "../reply_order.ts";

/** A handler, whatever its packet. */
export type AnyHandler = (packet: never, conn: unknown) => unknown;

/** What a side needs besides its connection. */
export interface DefinedSide {
  /** Which side this is. */
  readonly side: Side;
  /** What handlers are given beside the packet. */
  readonly conn: unknown;
  /** Bounds of what may be under way. */
  readonly limits: ReplyLimits;
  /** What bounds calls to the peer. */
  readonly calls: CallLimits;
  /** Bounds of what waits for a peer that is slow; undefined where all is put out at once. */
  readonly pushLimits: PushLimits | undefined;
  /** Packets begin to be dropped for such a peer, or that is over. */
  dropped(episode: DropEpisode): void;
  /** Requests were handed to handlers. */
  took(requests: number): void;
  /** Replies were put out, and so many of them say that the request failed. */
  replied(replies: number, failures: number): void;
  /** A handler failed. */
  report(error: FramewireError): void;
  /** The last call that waited for its reply has been settled. */
  settled(): void;
  /** The connection is closed. */
  closed(reason: CloseReason): void;
}
