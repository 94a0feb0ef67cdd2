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
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import type { Framing, KindField } from "../../../codec/framing.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  State,
} from "../../../connection/connection.ts";
import { type ErrorCode, FramewireError, isFramewireError, thrownText } from "../../../errors.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../defined/layouts.ts";
import { isPromise } from "../../is_promise.ts";
import type { ServerSide } from "../../protocol.ts";
import {
  Command,
  FEATURES,
  featureSet,
  hex,
  LAST_ID,
  REPLY,
  Result,
  RESULT_TEXTS,
  SUBMIT_HEADER_BYTES,
} from "../commands.ts";
import { FrameOut, writeU32 } from "../frame_out.ts";
import type { SubmitConnection, SubmitHandlers } from "./handlers.ts";
import { type Hello, HELLO_VERSION, readHello, type SessionGiven, writeHello } from "../hello.ts";
import { HelloServerEndpoint, type Introduction } from "./hello_server.ts";
import { type Opened, sessionsOf } from "../../../session/server_sessions.ts";
import { carriedSession } from "./server_session.ts";
import { SessionServerEndpoint } from "./session_endpoint.ts";
import { openChunk, pointAt, SubmitPacket } from "./packet.ts";
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
  /** Nothing may come before the welcome. */
  #strict: boolean;
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
    this.#strict = side.options.authenticate !== undefined;
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
    if (this.#asks && !this.#strict) return 0; // it waits for the welcome
    if (this.#asks) throw this.#early(command);
    if (this.#strict && count > 1 && isHello(command, length)) throw this.#early(words[6]!);
    const frame = chunk.slice(offset, offset + length);
    if (this.#busyMs !== undefined) this.#turnAway(frame, Result.BUSY, "the server is busy");
    else if (isHello(command, length)) this.#greet(frame, count > 1 ? words[6] : undefined);
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

  /** @param next The command of the frame that has come with it, if one has. */
  #greet(frame: Uint8Array, next: number | undefined): void {
    let hello: Hello;
    try {
      hello = readHello(frame.subarray(SUBMIT_HEADER_BYTES));
    } catch (error) {
      this.#answer(frame, Result.MALFORMED);
      this.#connection.fail(error);
      return;
    }
    if (hello.session?.id !== undefined && this.#side.sessions !== undefined) {
      this.#strict = true; // what was meant for one session must not be done in another
      if (next !== undefined) throw this.#early(next);
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
    if (conn === undefined) return this.#accepted(frame, hello, principal);
    const packet = new SubmitPacket();
    openChunk(packet, frame);
    pointAt(packet, 0, frame.length);
    this.#ask(
      frame,
      () => conn(packet, this.#side.conn as SubmitConnection),
      () => this.#accepted(frame, hello, principal),
    );
  }

  /** It may come in: with the session that it asks for, if it asks for one. */
  #accepted(frame: Uint8Array, hello: Hello, principal: unknown): void {
    const { session: ask } = hello;
    const sessions = sessionsOf(this.#side);
    if (ask === undefined || sessions === undefined) {
      return this.#welcome(frame, hello, principal, undefined);
    }
    this.#ask(frame, () => sessions.open(ask, principal), (opened) => {
      if (opened === undefined) {
        const message = "there is no room for another session (maxSessions)";
        this.#refuse(frame, Result.BUSY, message, NO_ROOM_RETRY_MS, "sessions");
      } else if ((opened as Opened).session.isCarriedSince(this.#side.conn.id)) {
        // Else a client would lose its session to a connection of its own that it has given up.
        const message = "a later connection carries the session";
        this.#refuse(frame, Result.BUSY, message, OVERTAKEN_RETRY_MS, "sessions");
      } else this.#welcome(frame, hello, principal, opened as Opened);
    });
  }

  #welcome(
    frame: Uint8Array,
    hello: Hello,
    principal: unknown,
    opened: Opened | undefined,
  ): void {
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
        ...(opened !== undefined && { session: given(opened) }),
      }),
    );
    const introduction = { principal, features: featureSet(features), agent: hello.agent };
    if (opened === undefined) {
      const endpoint = new HelloServerEndpoint(connection, side, this.#handlers, introduction);
      side.introduced(endpoint);
      connection.become(endpoint);
    } else this.#carry(opened, introduction);
    if (this.#asks) { // not within a batch
      connection.flush();
      connection.resume();
    }
  }

  #carry(opened: Opened, introduction: Introduction): void {
    const side = this.#side;
    const sessions = sessionsOf(side)!;
    const shared = carriedSession(opened.session, side);
    const args = [this.#connection, side, this.#handlers, introduction, shared] as const;
    const endpoint = new SessionServerEndpoint(...args);
    side.introduced(endpoint);
    this.#connection.become(endpoint);
    const from = opened.session.isCarried;
    sessions.figures.replayed += endpoint.begin(opened.lastPush);
    sessions.carried(opened, from, side.conn);
  }

  #early(command: number): FramewireError {
    const why = this.#side.options.authenticate === undefined
      ? "it asks for a session to go on with"
      : "the server requires authentication";
    return new FramewireError(
      "UNEXPECTED_PACKET",
      `command ${hex(command)} came before the server has answered the hello; ${why}, so nothing ` +
        "but Conn may come before ConnAck",
    );
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

  #refuse(
    frame: Uint8Array,
    result: number,
    message: string,
    retryAfterMs = 0,
    gate = "authenticate",
  ): void {
    this.#answer(frame, result, NONE, retryAfterMs);
    this.#side.refused(gate, message);
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

const NONE = /* @__PURE__ */ new Uint8Array(0);
/** When a peer may come again for whose session there is no room, in milliseconds. */
const NO_ROOM_RETRY_MS = 1000;
/** The same for one whose session a later connection carries: on a new one it may take it over. */
const OVERTAKEN_RETRY_MS = 100;

/** A session as its client is told of it. */
function given({ session, secret, resumed }: Opened): SessionGiven {
  const last = session.lastRequest;
  const id = last === 0 ? 0 : (last - 1) % LAST_ID + 1;
  return { id: session.id, secret, resumed, lastId: String(id).padStart(8, "0") };
}

/** Whether a frame is a Conn that carries a hello. */
export function isHello(command: number, length: number): boolean {
  return command === Command.CONN && length > SUBMIT_HEADER_BYTES;
}
