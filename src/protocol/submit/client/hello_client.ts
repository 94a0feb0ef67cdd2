/**
 * The client's side of the `submit` protocol with a hello: requests with answers, deadlines and Cancel,
 * pings, pushes, the server's window and credit, checksums and compression, as far as the server has
 * them. A server that does not know the hello is a plain one, and gets nothing but Submits.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../../../connection/connection.ts";
import { type ErrorCode, FramewireError } from "../../../errors.ts";
import type { CallOptions } from "../../call_limits.ts";
import { type ClientEndpoint, type ClientSide, connectionLost } from "../../protocol.ts";
import type { GoAway, SubmitCalls } from "./calls.ts";
import { CallsOut } from "./calls_out.ts";
import type { ClientSession } from "./client_session.ts";
import {
  Command,
  CONN_ID,
  type Feature,
  FEATURES,
  hex,
  idText,
  MAX_PING_BYTES,
  Result,
  RESULT_TEXTS,
  SUBMIT_HEADER_BYTES,
} from "../commands.ts";
import { FrameIn } from "../frame_in.ts";
import { FrameOut, readU32 } from "../frame_out.ts";
import { HELLO_VERSION, readWelcome, writeHello } from "../hello.ts";
import { lacks } from "./lacks.ts";
import { PushIn } from "./push_in.ts";
import { isWhole, type SubmitOptions, type SubmitSource } from "./source.ts";

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });
const NONE = /* @__PURE__ */ new Uint8Array(0);

/** The code that connecting fails with, by the result that the hello was answered with. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  [Result.UNAUTHENTICATED]: "UNAUTHENTICATED",
  [Result.FORBIDDEN]: "FORBIDDEN",
  [Result.BUSY]: "BUSY",
};

/** One connection's endpoint. */
export class HelloClientEndpoint implements ClientEndpoint, SubmitCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  readonly ready: Promise<void>;
  #welcomed!: () => void;
  #unwelcome!: (error: FramewireError) => void;
  /** Whether ConnAck is still to come. */
  #waits = true;
  #plain = false;
  /** Heartbeats of a plain server whose answer has not come. */
  #heartbeats = 0;
  #features: ReadonlySet<Feature> = new Set();
  #out: FrameOut;
  #in: FrameIn | undefined;
  readonly #ownPushes: PushIn | undefined;
  /** What is called here: all, or with a session nothing but pings. */
  readonly #calls: CallsOut;
  /** What outlives this connection. */
  readonly #session: ClientSession | undefined;
  #onGoAway: ((notice: GoAway) => void) | undefined;
  readonly owed = 0;
  keepsChunk = false;

  constructor(connection: Connection, side: ClientSide, session?: ClientSession) {
    this.#connection = connection;
    this.#side = side;
    this.#session = session;
    this.#out = new FrameOut(connection.outbound, {});
    this.#calls = new CallsOut(connection, side, this.#out);
    if (session === undefined) this.#ownPushes = new PushIn((error) => side.report(error));
    this.ready = new Promise((resolve, reject) => {
      this.#welcomed = resolve;
      this.#unwelcome = reject;
    });
    this.ready.catch(() => {}); // who waits for it is told; nobody has to
    const { features = DEFAULT_OFFER, token, user, password, agent } = side.options;
    this.#out.put(
      Command.CONN,
      CONN_ID,
      0,
      writeHello({
        version: HELLO_VERSION,
        features,
        ...(token !== undefined && { auth: { token } }),
        ...(user !== undefined && { auth: { user, password: password ?? "" } }),
        ...(agent !== undefined && { agent }),
        ...(session !== undefined && { session: session.ask() }),
      }),
    );
    connection.flushSoon();
  }

  /** {@inheritDoc ClientEndpoint.plain} */
  get plain(): boolean {
    return this.#plain;
  }

  /** {@inheritDoc ClientEndpoint.pending} */
  get pending(): number {
    const session = this.#session?.carriedBy(this) === true ? this.#session.pending : 0;
    return this.#calls.pending + session;
  }

  get #pushes(): PushIn {
    return this.#ownPushes ?? this.#session!.pushes;
  }

  /** {@inheritDoc SessionEndpoint.settled} */
  settled(): void {
    if (this.pending === 0) this.#side.settled();
  }

  /** {@inheritDoc SubmitCalls.features} */
  features(): ReadonlySet<Feature> {
    return this.#features;
  }

  /** {@inheritDoc SubmitCalls.submit} */
  submit(
    payload: Uint8Array | string | SubmitSource,
    options?: CallOptions & SubmitOptions,
  ): Promise<void> {
    if (!isWhole(payload)) return this.#calls.upload(payload, options);
    return this.#calls.call(Command.SUBMIT, payload, options) as Promise<void>;
  }

  /** {@inheritDoc SubmitCalls.request} */
  request(payload: Uint8Array | string, options?: CallOptions): Promise<Uint8Array> {
    if (!this.#features.has("request")) return Promise.reject(lacks("request"));
    return this.#calls.call(Command.REQUEST, payload, options) as Promise<Uint8Array>;
  }

  /** {@inheritDoc SubmitCalls.ping} */
  async ping(options?: CallOptions): Promise<number> {
    if (!this.#features.has("ping")) throw lacks("ping");
    const { clock } = this.#side.calls;
    const since = clock.now();
    await this.#calls.call(Command.PING, NONE, options);
    return clock.now() - since;
  }

  /** {@inheritDoc SubmitCalls.onPush} */
  onPush(handler: (payload: Uint8Array) => unknown): void {
    this.#pushes.handle(handler);
  }

  /** {@inheritDoc SubmitCalls.onGoAway} */
  onGoAway(listener: (notice: GoAway) => void): void {
    this.#onGoAway = listener;
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    if (this.#features.has("ping")) this.#out.put(Command.PING, CONN_ID, 0, NONE);
    else if (this.#plain && this.#side.options.heartbeatMs) {
      this.#out.put(Command.CONN, CONN_ID, 0, NONE);
      this.#heartbeats++;
    } else return false;
    this.#connection.flushSoon();
    return true;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    let taken = 0;
    while (taken < count && this.#connection.state === State.OPEN) {
      const at = taken * 4;
      const opened = this.#in;
      if (words[at + 2] === Command.PUSH && this.#pushes.full) break;
      if (opened === undefined) {
        this.#take(chunk, words[at]!, words[at + 1]!, words[at + 2]!);
      } else {
        opened.open(chunk, words[at]!, words[at + 1]!, words[at + 2]!);
        this.#take(opened.bytes, opened.offset, opened.length, opened.command);
      }
      taken++;
    }
    (this.#session?.calls ?? this.#calls).drain();
    return taken;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#calls.refuse(error);
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    this.#unwelcome(
      this.#waits && reason.error === undefined
        ? new FramewireError("UNSUPPORTED", "the server closed the connection on the hello")
        : connectionLost(reason, this.pending, "unknown"),
    );
    this.#calls.finishing(reason);
    this.#session?.detach(this);
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#ownPushes?.detach();
    this.#side.closed(reason);
  }

  #take(bytes: Uint8Array, offset: number, length: number, command: number): void {
    const body = offset + SUBMIT_HEADER_BYTES;
    if (this.#waits) {
      if (command !== Command.CONN_ACK || length <= SUBMIT_HEADER_BYTES) {
        throw unexpected(command, length, bytes, offset);
      }
      this.#acknowledged(bytes.slice(body, offset + length));
      return;
    }
    if (this.#session?.carriedBy(this) === false && !ALWAYS.includes(command)) return;
    switch (command) {
      case Command.SUBMIT_ACK:
      case Command.RESPONSE:
        if (length <= SUBMIT_HEADER_BYTES) break;
        (this.#session?.calls ?? this.#calls)
          .answered(command, bytes, offset + 5, body, offset + length);
        return;
      case Command.CONN_ACK:
        if (this.#heartbeats === 0) break;
        this.#heartbeats--;
        return;
      case Command.PONG:
        if (idText(bytes, offset + 5) === HEARTBEAT_ID) return;
        this.#calls.answered(command, bytes, offset + 5, body, offset + length);
        return;
      case Command.PING:
        if (length > SUBMIT_HEADER_BYTES + MAX_PING_BYTES) break;
        this.#out.put(Command.PONG, bytes, offset + 5, bytes.subarray(body, offset + length));
        return;
      case Command.PUSH:
        if (!this.#features.has("push")) break;
        this.#pushes.take(bytes.slice(body, offset + length), bytes, offset + 5);
        return;
      case Command.CREDIT:
        if (length !== SUBMIT_HEADER_BYTES + 8 || !this.#features.has("credit")) break;
        (this.#session?.calls ?? this.#calls).grant(readU32(bytes, body), readU32(bytes, body + 4));
        return;
      case Command.GO_AWAY: {
        if (length < SUBMIT_HEADER_BYTES + 8) break;
        const reason = decoder.decode(bytes.subarray(body + 8, offset + length));
        this.#wentAway({
          deadlineMs: readU32(bytes, body),
          spreadMs: readU32(bytes, body + 4),
          reason,
          lastId: idText(bytes, offset + 5),
        });
        return;
      }
      case Command.REQUEST: {
        const at = this.#out.begin(Command.RESPONSE, bytes, offset + 5, 1);
        this.#out.buffer[at] = Result.UNSUPPORTED;
        this.#out.end(1);
        return;
      }
      case Command.CANCEL:
        return;
    }
    throw unexpected(command, length, bytes, offset);
  }

  /** ConnAck has come, with a result and perhaps a welcome. */
  #acknowledged(body: Uint8Array): void {
    const result = body[0]!;
    this.#waits = false;
    if (result !== Result.OK) {
      const text = RESULT_TEXTS[result] ?? "unknown";
      const error = new FramewireError(
        CODES[result] ?? "RESULT_FAILED",
        `the server answered the hello with result ${result} (${text})`,
        { result, ...(body.length >= 5 && { retryAfterMs: readU32(body, 1) }) },
      );
      return this.#refused(error);
    }
    if (body.length > 1) {
      if (!this.#agree(body.subarray(1))) return;
    } else if (this.#side.options.hello === "required") {
      const message = 'the server does not know the hello, and hello is "required"';
      return this.#refused(new FramewireError("UNSUPPORTED", message, { result }));
    }
    this.#plain = body.length === 1;
    this.#welcomed();
  }

  /** Takes what the server agrees upon; false when that is too little. */
  #agree(bytes: Uint8Array): boolean {
    const welcome = readWelcome(bytes);
    const offered = this.#side.options.features ?? DEFAULT_OFFER;
    this.#features = new Set(welcome.features.filter((name) => offered.includes(name)));
    const seal = { crc32c: this.#features.has("crc32c"), lz4: this.#features.has("lz4") };
    this.#out = new FrameOut(this.#connection.outbound, seal);
    this.#ownPushes?.attach(this.#connection, this.#out);
    this.#calls.agreed(this.#out, this.#features, welcome);
    if (seal.crc32c || seal.lz4) this.#in = new FrameIn(seal, this.#side.maxFrameBytes);
    if (this.#session === undefined) return true;
    if (welcome.session === undefined) {
      this.#refused(
        new FramewireError("UNSUPPORTED", "the server has no sessions", { result: Result.OK }),
      );
      return false;
    }
    this.#session.attach(this, welcome.session, {
      connection: this.#connection,
      out: this.#out,
      features: this.#features,
      welcome,
    });
    return true;
  }

  /** The hello was answered, and this is the end of it. */
  #refused(error: FramewireError): void {
    this.#unwelcome(error);
    this.#connection.finish({ code: error.code, message: error.message });
  }

  #wentAway(notice: GoAway): void {
    const message = `the server ends the connection soon: ${notice.reason}`;
    const error = new FramewireError("DRAINING", message, { outcome: "not-sent" });
    this.#calls.untaken(Number(notice.lastId), error);
    const { options } = this.#side;
    try {
      this.#session?.wentAway(this, notice);
      this.#side.goesAway(notice);
      this.#onGoAway?.(notice);
    } catch (cause) {
      options.onError?.(new FramewireError("HANDLER_FAILED", "onGoAway threw", { cause }));
    }
  }
}

/** What a connection still takes whose session another connection carries: the rest comes there again. */
const ALWAYS: readonly number[] = [Command.PING, Command.PONG, Command.GO_AWAY];
const COMMANDS: readonly number[] = Object.values(Command);
const HEARTBEAT_ID = idText(CONN_ID, 0);

/** What a client offers unless it is told otherwise: what costs nothing. */
const DEFAULT_OFFER: readonly Feature[] = FEATURES.filter((name) =>
  name !== "crc32c" && name !== "lz4"
);

function unexpected(
  command: number,
  length: number,
  bytes: Uint8Array,
  offset: number,
): FramewireError {
  return new FramewireError(
    COMMANDS.includes(command) ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
    `the server sent command ${hex(command)} in a frame of ${length} bytes, which was not expected`,
    { firstBytes: bytes.slice(offset, offset + Math.min(16, length)) },
  );
}
