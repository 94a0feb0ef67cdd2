/**
 * What a client of the `submit` protocol can call.
 *
 * @module
 */
import type { CallOptions } from "../../call_limits.ts";
import type { Feature } from "../commands.ts";
import type { SubmitOptions, SubmitSource } from "./source.ts";

/** A server's notice that it will end the connection. */
export interface GoAway {
  /** How long requests that it has taken may still need, in milliseconds. */
  readonly deadlineMs: number;
  /** Over how long its clients should spread their coming back, in milliseconds. */
  readonly spreadMs: number;
  /** Why, for people. */
  readonly reason: string;
  /** The id of the last request that it has taken. */
  readonly lastId: string;
}

/** What a client of the `submit` protocol can call. */
export interface SubmitCalls {
  /**
   * Submits a payload. Any number may be under way at once.
   *
   * @param payload Bytes, or text to be sent as UTF-8: it is copied, its memory is free at once. Or a
   * stream of bytes, never in memory as a whole: it needs the option `bytes`, its length, and is read
   * as fast as the server takes it. When it fails or has another length (INVALID_CONTENT), the
   * connection is cut: a frame that has begun cannot be taken back. It is never compressed (lz4), and
   * a client with sessions, which keeps what it sends, refuses it (UNSUPPORTED).
   * @param options Deadline and signal.
   * @returns Resolves when the server has acknowledged it with result 0.
   * @throws FramewireError RESULT_FAILED when the server answered with another result,
   * DEADLINE_EXCEEDED, CANCELLED, WINDOW_FULL, FRAME_TOO_LARGE, DRAINING, CONNECTION_CLOSED (or what
   * broke the link) when the answer can no longer come. Its `outcome` says what is known of the submit.
   */
  submit(
    payload: Uint8Array | string | SubmitSource,
    options?: CallOptions & SubmitOptions,
  ): Promise<void>;
  /**
   * Sends a request and waits for its answer. It needs the feature `request`.
   *
   * @param payload Bytes, or text to be sent as UTF-8. It is copied: its memory is free at once.
   * @param options Deadline and signal. The deadline is sent to the server, whose handler is aborted.
   * @returns The answer's payload, in memory of its own.
   * @throws FramewireError as {@linkcode SubmitCalls.submit}, and UNSUPPORTED when it is not agreed upon.
   *
   * @example
   * ```ts
   * import { connect, serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, {
   *   submit() {},
   *   request: (packet) => packet.text().toUpperCase(),
   * });
   * const url = `tcp://127.0.0.1:${server.addr.port}`;
   * await using client = await connect(url, { hello: "required" });
   * const answer = await client.request("hello", { timeoutMs: 5000 });
   * if (new TextDecoder().decode(answer) !== "HELLO") throw new Error("HELLO expected");
   * ```
   */
  request(payload: Uint8Array | string, options?: CallOptions): Promise<Uint8Array>;
  /**
   * Measures a round trip. It needs the feature `ping`.
   *
   * @returns How long the answer took, in milliseconds.
   * @throws FramewireError as {@linkcode SubmitCalls.request}.
   */
  ping(options?: CallOptions): Promise<number>;
  /**
   * Sets the handler of what the server pushes. It is called in the order of the pushes; a push is
   * acknowledged once it returns, or once the promise that it returned has settled. Pushes that come
   * before there is a handler wait for it, the newest 1,024. While 1,024 are being handled, no more is
   * read from the connection. For a loop in place of a handler there is `pushes()`.
   */
  onPush(handler: (payload: Uint8Array) => unknown): void;
  /** Sets who is told when the server gives notice that it will end the connection. */
  onGoAway(listener: (notice: GoAway) => void): void;
  /** What is agreed upon with the server; empty with a plain one. */
  features(): ReadonlySet<Feature>;
}
