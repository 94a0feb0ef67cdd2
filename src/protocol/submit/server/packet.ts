/**
 * A request of the `submit` protocol, as a handler sees it.
 *
 * @module
 */
import { detachedMemory } from "../../../connection/detached.ts";
import type { PayloadViews } from "../../batch_memory.ts";
import { SUBMIT_HEADER_BYTES } from "../commands.ts";

const ID_OFFSET = 5;
const ID_BYTES = 8;
/** A byte order mark is part of the text, not of its encoding: what was sent comes out whole. */
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

const NOWHERE = /* @__PURE__ */ new ArrayBuffer(0);

/** Says in which chunk the frames of a packet are; only the endpoints do. */
export let openChunk: (packet: SubmitPacket, chunk: Uint8Array, views?: PayloadViews) => void;

/** Puts a packet into the chunk that another one is in. */
export let follow: (packet: SubmitPacket, other: SubmitPacket) => void;

/** Takes the chunk from a packet that nobody may read any more: it would keep its memory alive. */
export let forget: (packet: SubmitPacket) => void;

/** Points a packet at a frame of its chunk; `index` tells the frames of one batch apart. */
export let pointAt: (packet: SubmitPacket, offset: number, length: number, index?: number) => void;

/**
 * A Submit or Conn request. It is lazy: nothing is decoded or copied until it is asked for.
 *
 * The packet and the views it gives (`idBytes`, `payload`) are valid until the handler returns, or,
 * when it returned a promise, until that settles. Then the memory holds other packets: what is to
 * live longer is taken with {@linkcode copy}, or as a string.
 */
export class SubmitPacket {
  #chunk: Uint8Array | undefined;
  // A view made from the buffer costs two thirds of one made by `subarray` (84 against 132 ns on
  // Node 20, 79 against 108 on Deno 2.9), as long as `chunk.buffer` is not asked for each time.
  #buffer: ArrayBufferLike = NOWHERE;
  #base = 0;
  #offset = 0;
  #length: number = SUBMIT_HEADER_BYTES;
  #views: PayloadViews | undefined;
  #index = 0;

  static {
    openChunk = (packet, chunk, views) => {
      packet.#views = views;
      packet.#chunk = chunk;
      packet.#buffer = chunk.buffer;
      packet.#base = chunk.byteOffset;
    };
    follow = (packet, other) => {
      packet.#chunk = other.#chunk;
      packet.#buffer = other.#buffer;
      packet.#base = other.#base;
      packet.#views = other.#views;
    };
    forget = (packet) => {
      packet.#chunk = undefined;
      packet.#buffer = NOWHERE;
      packet.#views = undefined;
    };
    pointAt = (packet, offset, length, index = 0) => {
      packet.#index = index;
      packet.#offset = offset;
      packet.#length = length;
    };
  }

  /** The request's id: 8 characters, one per byte (Latin-1, so that any bytes come through). */
  get id(): string {
    const chunk = this.#chunk!;
    const at = this.#offset + ID_OFFSET;
    return String.fromCharCode(
      chunk[at]!,
      chunk[at + 1]!,
      chunk[at + 2]!,
      chunk[at + 3]!,
      chunk[at + 4]!,
      chunk[at + 5]!,
      chunk[at + 6]!,
      chunk[at + 7]!,
    );
  }

  /** The request's id as it came: a view of 8 bytes. */
  get idBytes(): Uint8Array {
    return new Uint8Array(this.#buffer, this.#base + this.#offset + ID_OFFSET, ID_BYTES);
  }

  /** Length of the payload in bytes; cheaper than `payload.length`. */
  get payloadBytes(): number {
    return this.#length - SUBMIT_HEADER_BYTES;
  }

  /**
   * Whether the payload is longer than `streamThresholdBytes` allows to wait in memory. Then
   * {@linkcode stream} alone gives it; `payload`, `text` and `copy` throw BODY_STREAMED.
   */
  get streamed(): boolean {
    return false;
  }

  /**
   * The payload: a view of memory that other packets are in too. Its `buffer` must not be transferred
   * (`postMessage`, `structuredClone` with `transfer`, `ArrayBuffer.transfer`): that fails the other requests
   * of its batch, or ends the connection. To hand it over, transfer `copy().payload.buffer`.
   */
  get payload(): Uint8Array {
    const offset = this.#offset + SUBMIT_HEADER_BYTES;
    const length = this.#length - SUBMIT_HEADER_BYTES;
    try {
      return this.#views === undefined
        ? new Uint8Array(this.#buffer, this.#base + offset, length)
        : this.#views.of(this.#index, offset, length);
    } catch (cause) {
      throw detachedMemory(cause); // nothing else makes it fail
    }
  }

  /**
   * Aborts when the answer is of no use any more. Plain peers cannot say so: undefined for theirs.
   */
  get signal(): AbortSignal | undefined {
    return undefined;
  }

  /** The payload as UTF-8 text; bytes that are none become U+FFFD. */
  text(): string {
    return decoder.decode(this.payload);
  }

  /**
   * The payload as a stream, whether it is {@linkcode streamed} or not. A streamed one comes from the
   * link as it is read: who does not read stops the peer. It fails when the connection ends before the
   * payload does. The handler may return before the end, which throws the rest away; the request is
   * answered when the handler is done and the payload is through.
   */
  stream(): ReadableStream<Uint8Array> {
    const { payload } = this;
    return new ReadableStream({
      start(controller) {
        if (payload.length > 0) controller.enqueue(payload);
        controller.close();
      },
    });
  }

  /** A packet of the same content in memory of its own, valid for ever. */
  copy(): SubmitPacket {
    const packet = new SubmitPacket();
    const end = this.#offset + this.#length;
    openChunk(packet, this.#chunk!.slice(this.#offset, end));
    pointAt(packet, 0, this.#length);
    return packet;
  }
}
