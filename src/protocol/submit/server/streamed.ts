/**
 * Submits that are too long to wait in memory as a whole: their handlers get the body as a stream.
 *
 * @module
 */
import { Begun, type FrameParts } from "../../../codec/frame_consumer.ts";
import type { CloseReason } from "../../../connection/connection.ts";
import { FramewireError } from "../../../errors.ts";
import { BodyStream } from "../../body_stream.ts";
import { isPromise } from "../../is_promise.ts";
import { SUBMIT_HEADER_BYTES } from "../commands.ts";
import { openChunk, pointAt, SubmitPacket } from "./packet.ts";

/** A Submit whose body is a stream. */
export class StreamedSubmitPacket extends SubmitPacket {
  readonly #body: BodyStream;
  readonly #signal: (() => AbortSignal | undefined) | undefined;

  /** A packet with its head in memory of its own. */
  constructor(
    head: Uint8Array,
    frameBytes: number,
    body: BodyStream,
    signal: (() => AbortSignal | undefined) | undefined,
  ) {
    super();
    this.#body = body;
    this.#signal = signal;
    openChunk(this, head);
    pointAt(this, 0, frameBytes);
  }

  override get streamed(): boolean {
    return true;
  }

  override get payload(): Uint8Array {
    throw isStreamed("payload");
  }

  override text(): string {
    throw isStreamed("text()");
  }

  override copy(): SubmitPacket {
    throw isStreamed("copy()");
  }

  override get signal(): AbortSignal | undefined {
    return this.#signal?.();
  }

  override stream(): ReadableStream<Uint8Array> {
    return this.#body.readable;
  }
}

function isStreamed(asked: string): FramewireError {
  return new FramewireError(
    "BODY_STREAMED",
    `the packet is longer than streamThresholdBytes and has no ${asked}: its payload is read from ` +
      "packet.stream()",
  );
}

/** What the endpoint does for its streamed submits. */
export interface StreamedHost {
  /** Calls the handler. */
  handle(packet: SubmitPacket): unknown;
  /** Accepts a request, given its head; undefined when there is no room, or no more are taken. */
  accept(head: Uint8Array): number | undefined;
  /** Aborts when the answer is of no use any more; without it, nothing does. */
  signal?(seq: number): AbortSignal | undefined;
  /** More of the request has come: its handler's deadline begins anew. */
  touch(seq: number): void;
  /** The handler is done, and so is the body. */
  settle(seq: number, failed: boolean, error: unknown, id: string): void;
  /** Takes what was held back. */
  resume(): void;
}

/** A submit that is under way. */
interface Upload {
  readonly seq: number;
  readonly body: BodyStream;
  /** Whether the body is through, or will never be. */
  through: boolean;
  /** Set when the handler is done before the body is. */
  settle: (() => void) | undefined;
}

/** The long submits of one connection, one after the other. */
export class StreamedSubmits implements FrameParts {
  readonly overBytes: number;
  readonly headBytes: number = SUBMIT_HEADER_BYTES;
  readonly #command: number;
  readonly #host: StreamedHost;
  #upload: Upload | undefined;

  /**
   * @param overBytes Only frames longer than this are streamed.
   * @param command What a Submit has as its command.
   */
  constructor(overBytes: number, command: number, host: StreamedHost) {
    this.overBytes = overBytes;
    this.#command = command;
    this.#host = host;
  }

  /** What waits to be read by a handler, in bytes. */
  get waitingBytes(): number {
    return this.#upload === undefined ? 0 : this.#upload.body.waitingBytes;
  }

  /** {@inheritDoc FrameParts.begin} */
  begin(chunk: Uint8Array, at: number, frameBytes: number): Begun {
    if (chunk[at + 4] !== this.#command) return Begun.WHOLE;
    const head = chunk.slice(at, at + SUBMIT_HEADER_BYTES);
    const seq = this.#host.accept(head);
    if (seq === undefined) return Begun.LATER;
    const body = new BodyStream(() => this.#host.resume());
    const upload: Upload = { seq, body, through: false, settle: undefined };
    this.#upload = upload;
    const signal = this.#host.signal && (() => this.#host.signal!(seq));
    const packet = new StreamedSubmitPacket(head, frameBytes, body, signal);
    const done = (failed: boolean, error?: unknown) => {
      const settle = () => this.#host.settle(seq, failed, error, packet.id);
      if (upload.through) {
        settle();
      } else {
        upload.settle = settle;
        body.fail(gone());
      }
    };
    try {
      const returned = this.#host.handle(packet);
      if (isPromise(returned)) {
        Promise.resolve(returned).then(() => done(false), (error) => done(true, error));
      } else {
        done(false);
      }
    } catch (error) {
      done(true, error);
    }
    return Begun.YES;
  }

  /** {@inheritDoc FrameParts.part} */
  part(bytes: Uint8Array, left: number): void {
    this.#host.touch(this.#upload!.seq);
    this.#upload!.body.take(bytes, left);
  }

  /** {@inheritDoc FrameParts.waits} */
  waits(left: number): boolean {
    return this.#upload!.body.waits(left);
  }

  /** {@inheritDoc FrameParts.through} */
  through(): void {
    const upload = this.#upload!;
    this.#upload = undefined;
    upload.through = true;
    settleOnce(upload);
  }

  /** The handler took too long, and its request is answered: the rest of the body is thrown away. */
  abandon(seq: number, error: Error): void {
    if (this.#upload?.seq === seq) this.#upload.body.fail(error);
  }

  /** The rest of the body will not come. */
  fail(error: Error): void {
    const upload = this.#upload;
    if (upload === undefined) return;
    upload.through = true;
    upload.body.fail(error);
    settleOnce(upload);
  }
}

function settleOnce(upload: Upload): void {
  const { settle } = upload;
  upload.settle = undefined;
  settle?.();
}

function gone(): FramewireError {
  const message = "the handler is done: the rest of the packet's body was thrown away";
  return new FramewireError("BODY_STREAMED", message);
}

/** What the reader of a body is told whose rest will not come. */
export function cutShort({ code, message, error }: CloseReason): Error {
  return error ?? new FramewireError("CONNECTION_CLOSED", `the body was cut short: ${message}`, {
    cause: code,
  });
}
