/**
 * The beginning of a connection with a hello: who the peer is, what both sides agree upon, and the
 * welcome. Where authentication is required, a connection begins here; else it comes here from the
 * plain endpoint when a hello is the first frame.
 *
 * ```
 *  WAITS ── hello ──▶ ASKS ── accepted ──▶ HelloServerEndpoint
 *    │                 │
 *    │ anything else   │ refused, failed
 *    └────────┬────────┘
 *             ▼
 *    answered, and the connection ends
 * ```
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { Framing, KindField } from "../../codec/framing.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  State,
} from "../../connection/connection.ts";
import { type ErrorCode, FramewireError, isFramewireError, thrownText } from "../../errors.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../defined/layouts.ts";
import { isPromise } from "../is_promise.ts";
import type { ServerSide } from "../protocol.ts";
import { Command, FEATURES, featureSet, hex, REPLY, Result, RESULT_TEXTS } from "./commands.ts";
import { FrameOut, writeU32 } from "./frame_out.ts";
import type { SubmitConnection, SubmitHandlers } from "./handlers.ts";
import { type Hello, HELLO_VERSION, readHello, writeHello } from "./hello.ts";
import { HelloServerEndpoint } from "./hello_server.ts";
import { openChunk, pointAt, SUBMIT_HEADER_BYTES, SubmitPacket } from "./packet.ts";
import { isRefused } from "./refused.ts";

/** The framing of connections that are not authenticated yet, by their limit. */
const openings = new Map<number, { readonly framing: Framing; readonly kind: KindField }>();

/** The code that a connection ends with, by the result that the hello was answered with. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  [Result.UNAUTHENTICATED]: "UNAUTHENTICATED",
  [Result.FORBIDDEN]: "FORBIDDEN",
  [Result.BUSY]: "BUSY",
};

/** Takes the hello of one connection. */
export class Greeter implements Endpoint {
  readonly #connection: Connection;
  readonly #side: ServerSide;
  readonly #handlers: SubmitHandlers;
  /** ASKS: somebody is asked about the hello. */
  #asks = false;
  #busyMs: number | undefined;
  readonly established = false;
  readonly owed = 0;
  keepsChunk = false;

  constructor(
    connection: Connection,
    side: ServerSide,
    handlers: SubmitHandlers,
    busyMs?: number,
  ) {
    this.#connection = connection;
    this.#side = side;
    this.#handlers = handlers;
    this.#busyMs = busyMs;
  }

  /** {@inheritDoc Endpoint.opening} */
  get opening(): { readonly framing: Framing; readonly kind: KindField } {
    const limit = this.#side.options.maxFrameBytesBeforeAuth;
    let opening = openings.get(limit);
    if (opening === undefined) {
      opening = { framing: { ...SUBMIT_FRAMING, maxFrameBytes: limit }, kind: SUBMIT_KIND };
      openings.set(limit, opening);
    }
    return opening;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    if (this.#connection.state !== State.OPEN) return 0;
    const offset = words[0]!;
    const length = words[1]!;
    const command = words[2]!;
    const required = this.#side.options.authenticate !== undefined;
    if (this.#asks && !required) return 0; // it waits for the welcome
    if (this.#asks || (required && count > 1 && isHello(command, length))) {
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `command ${hex(words[this.#asks ? 2 : 6]!)} came before the server has answered the ` +
          "hello; it requires authentication, so nothing but Conn may come before ConnAck",
      );
    }
    const frame = chunk.slice(offset, offset + length);
    if (this.#busyMs !== undefined) this.#turnAway(frame, Result.BUSY, "the server is busy");
    else if (isHello(command, length)) this.#greet(frame);
    else this.#turnAway(frame, Result.UNAUTHENTICATED, "the peer has not authenticated itself");
    return 1;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(): void {}

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.#side.closed(reason);
  }

  /** {@inheritDoc Endpoint.busy} */
  busy(retryAfterMs: number): boolean {
    this.#busyMs = retryAfterMs;
    return true;
  }

  #greet(frame: Uint8Array): void {
    let hello: Hello;
    try {
      hello = readHello(frame.subarray(SUBMIT_HEADER_BYTES));
    } catch (error) {
      this.#answer(frame, Result.MALFORMED);
      this.#connection.fail(error);
      return;
    }
    const { authenticate } = this.#side.options;
    if (authenticate === undefined) this.#identified(frame, hello, undefined);
    else {
      this.#ask(
        frame,
        () => authenticate(hello, this.#side.conn),
        (principal) => {
          if (principal !== undefined && principal !== null && principal !== false) {
            this.#identified(frame, hello, principal);
          } else this.#refuse(frame, Result.UNAUTHENTICATED, RESULT_TEXTS[2]!);
        },
      );
    }
  }

  /** It is known who the peer is: what does the server's own handler say? */
  #identified(frame: Uint8Array, hello: Hello, principal: unknown): void {
    const { conn } = this.#handlers;
    if (conn === undefined) return this.#welcome(frame, hello, principal);
    const packet = new SubmitPacket();
    openChunk(packet, frame);
    pointAt(packet, 0, frame.length);
    this.#ask(
      frame,
      () => conn(packet, this.#side.conn as SubmitConnection),
      () => this.#welcome(frame, hello, principal),
    );
  }

  #welcome(frame: Uint8Array, hello: Hello, principal: unknown): void {
    const connection = this.#connection;
    const side = this.#side;
    const { options, limits } = side;
    const mine: readonly string[] = options.features ?? FEATURES;
    const features = FEATURES.filter((name) =>
      mine.includes(name) && hello.features.includes(name) &&
      (name !== "request" || this.#handlers.request !== undefined)
    );
    this.#answer(
      frame,
      Result.OK,
      writeHello({
        version: HELLO_VERSION,
        features,
        maxFrame: options.maxFrameBytes,
        heartbeatMs: features.includes("ping") ? options.heartbeatMs : 0,
        window: { requests: limits.maxInFlight, bytes: limits.maxInFlightBytes },
      }),
    );
    const endpoint = new HelloServerEndpoint(connection, side, this.#handlers, {
      principal,
      features: featureSet(features),
      agent: hello.agent,
    });
    side.introduced(endpoint);
    connection.become(endpoint);
    if (this.#asks) { // not within a batch
      connection.flush();
      connection.resume();
    }
  }

  /** Asks somebody, who may take time. What is thrown refuses the connection. */
  #ask(frame: Uint8Array, question: () => unknown, then: (answer: unknown) => void): void {
    const failed = (error: unknown) => this.#failed(frame, error);
    let answer: unknown;
    try {
      answer = question();
    } catch (error) {
      failed(error);
      return;
    }
    if (!isPromise(answer)) return then(answer);
    this.#asks = true;
    const ifOpen = (next: (value: unknown) => void) => (value: unknown) => {
      if (this.#connection.state === State.OPEN) next(value);
    };
    Promise.resolve(answer).then(ifOpen(then), ifOpen(failed));
  }

  #failed(frame: Uint8Array, cause: unknown): void {
    if (isRefused(cause)) {
      this.#refuse(frame, cause.result, RESULT_TEXTS[cause.result]!, cause.retryAfterMs);
      return;
    }
    this.#side.report(
      isFramewireError(cause) ? cause : new FramewireError(
        "HANDLER_FAILED",
        `asking about a hello failed: ${thrownText(cause)}`,
        { cause },
      ),
    );
    this.#refuse(frame, Result.FAILED, RESULT_TEXTS[Result.FAILED]!);
  }

  #refuse(frame: Uint8Array, result: number, message: string, retryAfterMs = 0): void {
    this.#answer(frame, result, NONE, retryAfterMs);
    this.#side.refused("authenticate", message);
    this.#connection.finish({ code: CODES[result] ?? "RESULT_FAILED", message });
  }

  /** The peer is not let in, whatever it says first. */
  #turnAway(frame: Uint8Array, result: number, message: string): void {
    const command = frame[4]!;
    if (isHello(command, frame.length)) this.#answer(frame, result, NONE, this.#busyMs);
    else if (command === Command.CONN || command === Command.SUBMIT) {
      this.#answer(frame, Result.FAILED);
    } else {
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `command ${hex(command)} came first: expected 0x01 (Conn)`,
        { firstBytes: frame.slice(0, 16) },
      );
    }
    if (result !== Result.BUSY) this.#side.refused("authenticate", message);
    this.#connection.finish({ code: CODES[result]!, message });
  }

  #answer(frame: Uint8Array, result: number, welcome: Uint8Array = NONE, retryAfterMs = 0): void {
    const { counters } = this.#side;
    this.#side.tookRequests(1);
    counters.replies++;
    if (result !== Result.OK) counters.failures++;
    const out = new FrameOut(this.#connection.outbound, {});
    const wait = result === Result.BUSY ? 4 : 0;
    const bodyBytes = 1 + wait + welcome.length;
    const at = out.begin(frame[4]! | REPLY, frame, 5, bodyBytes);
    out.buffer[at] = result;
    if (wait > 0) writeU32(out.buffer, at + 1, retryAfterMs);
    out.buffer.set(welcome, at + 1 + wait);
    out.end(bodyBytes);
  }
}

const NONE = new Uint8Array(0);

/** Whether a frame is a Conn that carries a hello. */
export function isHello(command: number, length: number): boolean {
  return command === Command.CONN && length > SUBMIT_HEADER_BYTES;
}
