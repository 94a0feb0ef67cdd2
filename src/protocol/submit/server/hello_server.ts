/**
 * The server's side of a connection whose peer has said hello: requests with answers, pings, pushes,
 * credit, checksums and compression, as far as both agreed upon them.
 *
 * Each reply leaves when it is ready, or, with the option `ordered`, in the order of the requests.
 * A request is answered exactly once, a cancelled one too: by then its peer may have forgotten it.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  type GoAwayNotice,
  State,
} from "../../../connection/connection.ts";
import type { PushBytes } from "../../../connection/push_bytes.ts";
import type { PushOutcome } from "../../../connection/push_queue.ts";
import type { SlowConsumer } from "../../../connection/slow_consumer.ts";
import { FramewireError } from "../../../errors.ts";
import { isPromise } from "../../is_promise.ts";
import type { IntroducedPeer, ServerSide } from "../../protocol.ts";
import { Command, CONN_ID, type Feature, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { type Batch, closeBatch, openBatch } from "./batch.ts";
import { Controls } from "./controls.ts";
import { CreditOut } from "./credit_out.ts";
import { FrameIn } from "../frame_in.ts";
import { FrameOut } from "../frame_out.ts";
import { helloStreams } from "./hello_streams.ts";
import { PushOut } from "./push_out.ts";
import { failureAnswer, putReply, settledAnswer } from "./reply_out.ts";
import { type Answer, answer, OK, returnedAnswer, TIMED_OUT } from "./answer.ts";
import type { SubmitConnection, SubmitHandlers } from "./handlers.ts";
import { cutShort, type StreamedSubmits } from "./streamed.ts";
import { openTurn, Turn, type UnderWay, underWay } from "./under_way.ts";

/** What a hello has brought about. */
export interface Introduction {
  readonly principal: unknown;
  readonly features: ReadonlySet<Feature>;
  readonly agent: string | undefined;
}

/** What is done to frames, by whether they are checked (1) and compressed (2): shared by connections. */
const SEALS = [0, 1, 2, 3].map((bits) => ({ crc32c: (bits & 1) > 0, lz4: (bits & 2) > 0 }));

/** The turn of sync handlers, one after the other; one that takes its time keeps it. */
let spare = new Turn();

/** One connection's endpoint, from its welcome on. */
export class HelloServerEndpoint implements Endpoint, IntroducedPeer {
  readonly #connection: Connection;
  readonly #side: ServerSide;
  readonly #handlers: SubmitHandlers;
  readonly principal: unknown;
  readonly features: ReadonlySet<Feature>;
  readonly agent: string | undefined;
  readonly #out: FrameOut;
  /** Undefined where frames are as plain peers send them. */
  readonly #in: FrameIn | undefined;
  readonly #pushes: PushOut | undefined;
  readonly #credit: CreditOut | undefined;
  readonly #controls: Controls;
  /** From the first handler on that takes its time. */
  #later: UnderWay | undefined;
  /** What takes long submits, where they are streamed. */
  readonly parts: StreamedSubmits | undefined;
  /** Whether handlers of the last batch took their time: those of the next one probably will. */
  #takesTime = false;
  /** The id of the last request taken, for the notice of going away. */
  #lastId = CONN_ID;
  #draining = false;
  readonly established = true;
  keepsChunk = false;

  constructor(
    connection: Connection,
    side: ServerSide,
    handlers: SubmitHandlers,
    { principal, features, agent }: Introduction,
  ) {
    this.#connection = connection;
    this.#side = side;
    this.#handlers = handlers;
    this.principal = principal;
    this.features = features;
    this.agent = agent;
    const seal = SEALS[(features.has("crc32c") ? 1 : 0) + (features.has("lz4") ? 2 : 0)]!;
    const { maxFrameBytes } = side.options;
    this.#out = new FrameOut(connection.outbound, seal);
    if (seal.crc32c || seal.lz4) this.#in = new FrameIn(seal, maxFrameBytes);
    if (features.has("push")) this.#pushes = new PushOut(connection, side, seal, this.#out);
    if (features.has("credit")) this.#credit = new CreditOut(this.#out, side.limits);
    const { streamThresholdBytes } = side;
    if (streamThresholdBytes > 0 && !seal.crc32c) this.parts = this.#streams(streamThresholdBytes);
    this.#controls = new Controls(connection, this.#out, features, this.#pushes);
  }

  /** {@inheritDoc Endpoint.owed} */
  get owed(): number {
    return this.#later === undefined ? 0 : this.#later.owed;
  }

  /** {@inheritDoc Endpoint.keptBytes} */
  get keptBytes(): number {
    return (this.#later === undefined ? 0 : this.#later.keptBytes) +
      (this.parts === undefined ? 0 : this.parts.waitingBytes);
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const batch = openBatch(chunk, table, this.#takesTime && !this.#full);
    const { shift } = batch;
    let taken = 0;
    try {
      while (taken < count && this.#connection.state === State.OPEN) {
        const at = taken * 4;
        const offset = words[at]! - shift;
        if (!this.#take(batch, offset, words[at + 1]!, words[at + 2]!)) break;
        taken++;
      }
    } finally {
      this.#ended(batch);
    }
    return taken;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    this.parts?.fail(cutShort(reason));
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.parts?.fail(cutShort(reason));
    this.#later?.close(new FramewireError("CONNECTION_CLOSED", reason.message));
    this.#side.closed(reason);
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    return this.#controls.heartbeat();
  }

  /** {@inheritDoc Endpoint.goAway} */
  goAway(notice: GoAwayNotice): void {
    this.#draining = true; // requests from now on are told so, and may be sent elsewhere
    this.#controls.goAway(notice, this.#lastId);
  }

  /** {@inheritDoc Endpoint.takesPushes} */
  get takesPushes(): boolean {
    return this.#pushes !== undefined;
  }

  /** {@inheritDoc Endpoint.push} */
  push(push: PushBytes, policy?: SlowConsumer): PushOutcome {
    return this.#pushes === undefined ? "dropped" : this.#pushes.push(push, policy);
  }

  /** {@inheritDoc Endpoint.drained} */
  drained(): Promise<void> {
    return this.#connection.pushes?.drained() ?? Promise.resolve();
  }

  get #full(): boolean {
    return this.#later !== undefined && this.#later.full;
  }

  /** Takes one frame; false when there is no room for it. */
  #take(batch: Batch, offset: number, length: number, command: number): boolean {
    let bytes = batch.source;
    const wireBytes = length;
    const opened = this.#in;
    if (opened !== undefined) {
      // A request is opened only once there is room for it: then it is not opened twice.
      const request = command & 0x3f;
      if ((request === Command.SUBMIT || request === Command.REQUEST) && this.#full) return false;
      opened.open(bytes, offset, length, command);
      ({ bytes, offset, length, command } = opened);
    }
    switch (command) {
      case Command.SUBMIT:
      case Command.REQUEST: {
        if (this.#full) return false;
        const timeoutMs = command === Command.SUBMIT
          ? 0
          : this.#controls.timeout(bytes, offset, length);
        this.#request(batch, bytes, offset, length, command, wireBytes, timeoutMs);
        return true;
      }
      case Command.CANCEL:
        this.#controls.checkCancel(length);
        this.#later?.cancel(bytes, offset + 5);
        return true;
    }
    this.#controls.take(bytes, offset, length, command);
    return true;
  }

  #request(
    batch: Batch,
    bytes: Uint8Array,
    offset: number,
    length: number,
    command: number,
    wireBytes: number,
    timeoutMs: number,
  ): void {
    const turn = spare;
    turn.wireBytes = wireBytes;
    openTurn(turn, bytes, offset, length, command, timeoutMs);
    const { packet } = turn;
    if (this.#draining) {
      this.#answered(batch, turn, answer(Result.DRAINING));
      return;
    }
    if (this.#lastId === CONN_ID) this.#lastId = new Uint8Array(8);
    for (let i = 0; i < 8; i++) this.#lastId[i] = bytes[turn.offset + 5 + i]!;
    batch.requests++;
    try {
      const returned = command === Command.SUBMIT
        ? this.#handlers.submit(packet, this.#side.conn as SubmitConnection)
        : this.#handlers.request!(packet, this.#side.conn as SubmitConnection);
      if (isPromise(returned)) {
        this.#await(batch, turn, returned, timeoutMs);
        return;
      }
      this.#answered(batch, turn, command === Command.SUBMIT ? OK : returnedAnswer(returned));
    } catch (error) {
      this.#answered(batch, turn, failureAnswer(this.#side, error, packet));
    }
  }

  /** A handler has answered at once. */
  #answered(batch: Batch, turn: Turn, reply: Answer): void {
    const later = this.#later;
    if (later !== undefined && later.ordered && later.owed > 0) {
      this.#keep(batch, turn, 0);
      this.#settle(turn, reply);
      later.free(turn);
      return;
    }
    this.#reply(turn.command, turn.bytes, turn.offset, turn.wireBytes, reply);
  }

  /** A handler takes its time: it keeps its turn and its packet. */
  #await(batch: Batch, turn: Turn, promise: PromiseLike<unknown>, timeoutMs: number): void {
    this.#keep(batch, turn, timeoutMs);
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(turn.resolved, turn.rejected);
  }

  #keep(batch: Batch, turn: Turn, timeoutMs: number): void {
    const later = this.#underWay;
    if (turn.bytes === batch.source) {
      const kept = batch.kept ??= later.keep(batch.source.length, batch.pooled);
      later.accept(turn, kept, timeoutMs);
    } else {
      const kept = later.keep(turn.bytes.length); // decompressed: in memory of its own
      later.accept(turn, kept, timeoutMs);
      later.release(kept);
    }
    turn.endpoint = this;
    spare = later.freeTurn();
  }

  get #underWay(): UnderWay {
    return this.#later ??= underWay(this.#connection, this.#side, (late) => {
      this.#timedOut(late);
    });
  }

  #streams(overBytes: number): StreamedSubmits {
    // deno-lint-ignore no-this-alias -- two getters of what it has at the moment
    const endpoint = this;
    return helloStreams(overBytes, this.#connection, this.#side, {
      get later() {
        return endpoint.#underWay;
      },
      get draining() {
        return endpoint.#draining;
      },
      handle: (packet) => this.#handlers.submit(packet, this.#side.conn as SubmitConnection),
      took: (head) => {
        this.#lastId.set(head.subarray(5, SUBMIT_HEADER_BYTES));
        this.#side.tookRequests(1);
      },
      settle: (turn, reply) => this.#settle(turn, reply),
    });
  }

  /** The promise of a handler has settled. */
  settled(turn: Turn, failed: boolean, value: unknown): void {
    const later = this.#later!;
    if (later.pending(turn)) this.#settle(turn, settledAnswer(this.#side, turn, failed, value));
    later.free(turn);
  }

  #settle(turn: Turn, reply: Answer, forsaken = false): void {
    const later = this.#later!;
    const out = later.outFor(turn, this.#out);
    putReply(out, this.#side, turn.command, turn.bytes, turn.offset, reply);
    later.settle(turn, forsaken);
    this.#credit?.give(turn.wireBytes);
    this.#connection.flushSoon();
  }

  /** The deadline of a request has passed: the peer's, or the one of the server's own handlers. */
  #timedOut(turn: Turn): void {
    if (turn.handlerDeadline <= turn.deadline) {
      const limit = this.#side.limits.handlerTimeoutMs;
      const error = new FramewireError(
        "HANDLER_TIMEOUT",
        `a handler has not settled within ${limit} ms (handlerTimeoutMs); its request was ` +
          `answered with result ${Result.DEADLINE_EXCEEDED}`,
      );
      this.#side.report(error);
      this.parts?.abandon(turn.seq, error);
    }
    this.#settle(turn, TIMED_OUT, true);
  }

  #reply(
    command: number,
    bytes: Uint8Array,
    offset: number,
    wireBytes: number,
    reply: Answer,
  ): void {
    putReply(this.#out, this.#side, command, bytes, offset, reply);
    this.#credit?.give(wireBytes);
  }

  #ended(batch: Batch): void {
    if (batch.requests > 0) this.#side.tookRequests(batch.requests);
    this.#credit?.send();
    const { pooled } = batch;
    const waits = closeBatch(batch, this.#later);
    if (waits !== undefined || batch.requests > 0) this.#takesTime = waits === true;
    if (waits && pooled === undefined) this.keepsChunk = true;
  }
}
