/**
 * What a connection carries: the side of a protocol that frames are given to, and what it is told.
 *
 * @module
 */
import type { PushBytes } from "./push_bytes.ts";
import type { PushOutcome } from "./push_queue.ts";
import type { SlowConsumer } from "./slow_consumer.ts";
import type { FrameConsumer } from "../codec/frame_consumer.ts";
import type { CloseReason } from "./close_reason.ts";
import type { Framing, KindField } from "../codec/framing.ts";

/** What a peer is told before its connection ends from this side. */
export interface GoAwayNotice {
  /** How long requests that were taken may still need, in milliseconds. */
  readonly deadlineMs: number;
  /** Over how long the peers should spread their coming back, in milliseconds. */
  readonly spreadMs: number;
  /** Why, for people. */
  readonly reason: string;
}

/** The side of a protocol that a connection carries. */
export interface Endpoint extends FrameConsumer {
  /** How the stream is framed at its beginning, where that is different; it calls `reframe`. */
  readonly opening?: { readonly framing: Framing; readonly kind?: KindField } | undefined;
  /** Replies that are still owed: the connection's own end waits until there are none. */
  readonly owed: number;
  /** Bytes of requests under way that it keeps; without it, none. */
  readonly keptBytes?: number;
  /** No more input is taken; replies that are owed may still be sent. Called once at the most. */
  finishing(reason: CloseReason): void;
  /**
   * Whether the peer has introduced itself, as far as the protocol asks for that: what the handshake
   * deadline waits for. Without it, the first frame is the introduction.
   */
  readonly established?: boolean;
  /**
   * Puts out a heartbeat, which the peer answers; false where the protocol has none, or where this
   * peer does not know it. Any input counts as the answer.
   */
  heartbeat?(): boolean;
  /** Puts out the notice that this side will soon end the connection, to peers that know it. */
  goAway?(notice: GoAwayNotice): void;
  /**
   * This side is too busy to take the connection: the peer is told in answer to the first thing that
   * it says, and then the endpoint finishes the connection. False where the protocol cannot say so.
   */
  busy?(retryAfterMs: number): boolean;
  /** Whether the peer can be sent what it has not asked for. */
  readonly takesPushes?: boolean;
  /**
   * Sends the peer what it has not asked for, as soon as it has taken enough of what was sent before.
   *
   * @param policy What is done when it is too slow; by default the server's.
   */
  push?(push: PushBytes, policy?: SlowConsumer): PushOutcome;
  /** Resolves when the peer has taken what was pushed, nearly; see {@linkcode PushQueue.drained}. */
  drained?(): Promise<void>;
  /** The link is closed: what has not left is about to be forgotten. */
  lost?(): void;
  /** The connection is closed. Called once. */
  closed(reason: CloseReason): void;
}

/** Stands between the decoder and the endpoint, and lets frames through as it sees fit. */
export interface BatchGate extends FrameConsumer {
  /** Who takes what it lets through. */
  endpoint: FrameConsumer;
  /** The connection is closed. Called once. */
  closed(): void;
}
