/**
 * Frames of a connection that has agreed on features, written where they are sent from.
 *
 * @module
 */
import { type Checksum, checksumOf, writeChecksum } from "../../codec/checksum.ts";
import { type Compression, lz4 } from "../../codec/compression.ts";
import { SUBMIT_HEADER_BYTES } from "./commands.ts";
import { COMPRESSED, type FrameFeatures } from "./seal.ts";

/** Where frames go: the outbound queue of a connection, or memory. */
export interface FrameTarget {
  /** Makes room in one piece and gives the memory. */
  reserve(bytes: number): Uint8Array;
  /** Where in that memory the next byte belongs. */
  readonly at: number;
  /** So many bytes were written. */
  commit(bytes: number): void;
}

/** Bodies under this length are not compressed, in bytes. */
const MIN_COMPRESSED_BYTES = 64;
const RAW_LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 4;
const ID_BYTES = 8;

let checksum: Checksum | undefined;
let compression: Compression | undefined;

/** The checksum of frames; made when it is first needed. */
export function frameChecksum(): Checksum {
  return checksum ??= checksumOf("crc32c");
}

/** The compression of bodies; made when it is first needed. */
export function bodyCompression(): Compression {
  return compression ??= lz4();
}

/** A body compressed: its raw length and the block; undefined where that would not be shorter. */
export function compressBody(body: Uint8Array): Uint8Array | undefined {
  if (body.length < MIN_COMPRESSED_BYTES) return undefined;
  const packed = bodyCompression().compress(body);
  if (packed === undefined || packed.length + RAW_LENGTH_BYTES >= body.length) return undefined;
  const whole = new Uint8Array(RAW_LENGTH_BYTES + packed.length);
  new DataView(whole.buffer).setUint32(0, body.length);
  whole.set(packed, RAW_LENGTH_BYTES);
  return whole;
}

/** Writes a u32, big endian. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Reads a u32, big endian. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** What a writer holds between two frames: nothing of a queue, whose memory goes back to its pool. */
const NO_BYTES = /* @__PURE__ */ new Uint8Array(0);

/** Writes frames: {@linkcode begin}, the body into {@linkcode buffer}, {@linkcode end}. */
export class FrameOut {
  readonly #target: FrameTarget;
  readonly #features: FrameFeatures;
  #start = 0;
  /** The memory that the body is written to, from where {@linkcode begin} says. */
  buffer: Uint8Array = NO_BYTES;

  constructor(target: FrameTarget, features: FrameFeatures) {
    this.#target = target;
    this.#features = features;
  }

  /**
   * Begins a frame with room for a body of `bodyBytes`.
   *
   * @param ids Where its id stands, in eight bytes from `idAt` on.
   * @returns Where in {@linkcode buffer} the body begins.
   */
  begin(command: number, ids: Uint8Array, idAt: number, bodyBytes: number): number {
    const target = this.#target;
    const out = this.buffer = target.reserve(SUBMIT_HEADER_BYTES + bodyBytes + CHECKSUM_BYTES);
    const at = this.#start = target.at;
    out[at + 4] = command;
    for (let i = 0; i < ID_BYTES; i++) out[at + 5 + i] = ids[idAt + i]!;
    return at + SUBMIT_HEADER_BYTES;
  }

  /** Ends the frame, whose body has `bodyBytes`. Returns how long it is. */
  end(bodyBytes: number): number {
    const { buffer } = this;
    const start = this.#start;
    const { crc32c, lz4 } = this.#features;
    let end = start + SUBMIT_HEADER_BYTES + bodyBytes;
    if (lz4) {
      const body = start + SUBMIT_HEADER_BYTES;
      const packed = compressBody(buffer.subarray(body, end));
      if (packed !== undefined) {
        buffer.set(packed, body);
        buffer[start + 4]! |= COMPRESSED;
        end = body + packed.length;
      }
    }
    const total = end - start + (crc32c ? CHECKSUM_BYTES : 0);
    writeU32(buffer, start, total);
    if (crc32c) writeChecksum(frameChecksum(), buffer, start, end);
    this.buffer = NO_BYTES;
    this.#target.commit(total);
    return total;
  }

  /** The same frames, written elsewhere. */
  into(target: FrameTarget): FrameOut {
    return new FrameOut(target, this.#features);
  }

  /** A whole frame. */
  put(command: number, ids: Uint8Array, idAt: number, body: Uint8Array): number {
    const at = this.begin(command, ids, idAt, body.length);
    this.buffer.set(body, at);
    return this.end(body.length);
  }
}

/** Frames in memory of their own, for replies that wait. */
export class FrameMemory implements FrameTarget {
  readonly at = 0;
  #bytes: Uint8Array = NO_BYTES;
  #length = 0;

  reserve(bytes: number): Uint8Array {
    return this.#bytes = new Uint8Array(bytes);
  }

  commit(bytes: number): void {
    this.#length = bytes;
  }

  /** The frame that was last written. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
