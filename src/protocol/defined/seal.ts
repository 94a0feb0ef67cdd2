/**
 * What a protocol's frames can have around their content: a compressed body, and a checksum at the
 * end.
 *
 * @module
 */
import type { ByteWriter } from "../../codec/byte_writer.ts";
import {
  type Checksum,
  type ChecksumName,
  checksumOf,
  verifyChecksum,
  writeChecksum,
} from "../../codec/checksum.ts";
import { type Compression, lz4 } from "../../codec/compression.ts";
import { ownLimit } from "../../codec/frame_layout.ts";
import type { Framing, KindField } from "../../codec/framing.ts";
import { FramewireError } from "../../errors.ts";
import type { PacketSpecs, ProtocolSpec } from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { config } from "./fields/shape.ts";

/** How bodies are compressed. */
export interface CompressionSpec {
  /** What compresses them: `"lz4"`, or a compression of your own. */
  readonly algorithm: "lz4" | Compression;
  /** The bit of the kind that says that a body is compressed. */
  readonly bit: number;
  /**
   * Bodies under this length are sent as they are, in bytes. A longer one is compressed when that
   * makes it shorter.
   *
   * @default {1024}
   */
  readonly minBytes?: number;
}

/** Bytes of the raw length before a compressed body. */
const RAW_LENGTH_BYTES = 4;
const MIN_BYTES = 1024;

/** Seals frames on their way out, and opens them on their way in. */
export class Seal {
  readonly #checksum: Checksum | undefined;
  readonly #compression: Compression | undefined;
  readonly #minBytes: number;
  readonly #limit: number;
  /** The bit of the kind that says that a body is compressed; 0 when none ever is. */
  readonly bit: number;
  /** Bytes that every frame has behind its body. */
  readonly trailerBytes: number;

  /**
   * A seal by its definition.
   *
   * @throws FramewireError INVALID_CONFIG, INVALID_OPTION.
   */
  constructor(
    framing: Framing,
    checksum: ChecksumName | Checksum | undefined,
    compression: CompressionSpec | undefined,
  ) {
    if (framing.kind === "delimiter" && (checksum !== undefined || compression !== undefined)) {
      throw config(
        "checksums and compressed bodies may hold the delimiter: a delimiter framing has neither",
      );
    }
    this.#checksum = typeof checksum === "string" ? checksumOf(checksum) : checksum;
    this.trailerBytes = this.#checksum?.bytes ?? 0;
    const algorithm = compression?.algorithm;
    this.#compression = algorithm === "lz4" ? lz4() : algorithm;
    this.#minBytes = compression?.minBytes ?? MIN_BYTES;
    this.#limit = ownLimit(framing);
    this.bit = compression?.bit ?? 0;
    if (compression !== undefined && (this.bit === 0 || (this.bit & (this.bit - 1)) !== 0)) {
      throw config(`compression.bit must be one bit of the kind, and is ${this.bit}`);
    }
  }

  /**
   * Compresses the body at the end of `writer`, from `body` on, when it is long enough and gets
   * shorter by it, and leaves room for the checksum behind it.
   *
   * @param head Where the header begins.
   * @param kind Where the kind stands in it, to be given the bit.
   */
  pack(writer: ByteWriter, body: number, head: number, kind: KindField | undefined): void {
    if (kind !== undefined && this.#compress(writer, body)) {
      const place = 31 - Math.clz32(this.bit);
      const byte = kind.littleEndian ? place >> 3 : kind.bytes - 1 - (place >> 3);
      writer.bytes[head + kind.offset + byte]! |= 1 << (place & 7);
    }
    writer.room(this.trailerBytes);
    writer.at += this.trailerBytes;
  }

  #compress(writer: ByteWriter, body: number): boolean {
    const length = writer.at - body;
    if (this.#compression === undefined || length < this.#minBytes) return false;
    const packed = this.#compression.compress(writer.bytes.subarray(body, writer.at));
    if (packed === undefined || packed.length + RAW_LENGTH_BYTES >= length) return false;
    writer.view.setUint32(body, length);
    writer.bytes.set(packed, body + RAW_LENGTH_BYTES);
    writer.at = body + RAW_LENGTH_BYTES + packed.length;
    return true;
  }

  /**
   * Decompresses the body at `chunk[body, end)`.
   *
   * @param head Where the packet begins: its header is copied before the body.
   * @returns The packet in memory of its own, its header first.
   * @throws FramewireError DECOMPRESSION_FAILED, FRAME_TOO_LARGE.
   */
  unpack(chunk: Uint8Array, head: number, body: number, end: number): Uint8Array {
    if (end - body < RAW_LENGTH_BYTES) {
      throw new FramewireError(
        "DECOMPRESSION_FAILED",
        `a compressed body of ${end - body} bytes lacks the ${RAW_LENGTH_BYTES} of its raw length`,
      );
    }
    const rawBytes = new DataView(chunk.buffer, chunk.byteOffset + body).getUint32(0);
    const width = body - head;
    if (rawBytes + width > this.#limit) {
      throw new FramewireError(
        "FRAME_TOO_LARGE",
        `a compressed body declares ${rawBytes} bytes, which makes a frame over the limit of ` +
          `${this.#limit} (maxFrameBytes)`,
        { declaredBytes: rawBytes + width, limitBytes: this.#limit },
      );
    }
    const raw = this.#compression!.decompress(
      chunk.subarray(body + RAW_LENGTH_BYTES, end),
      rawBytes,
    );
    const packet = new Uint8Array(width + rawBytes);
    packet.set(chunk.subarray(head, body));
    packet.set(raw, width);
    return packet;
  }

  /** Writes the checksum of the frame that begins at `mark` and ends the writer. */
  close(writer: ByteWriter, mark: number): void {
    if (this.#checksum === undefined) return;
    writeChecksum(this.#checksum, writer.bytes, mark, writer.at - this.trailerBytes);
  }

  /**
   * Checks the checksum of the frame at `chunk[offset, end)`.
   *
   * @throws FramewireError CHECKSUM_MISMATCH.
   */
  check(chunk: Uint8Array, offset: number, end: number): void {
    if (this.#checksum !== undefined) verifyChecksum(this.#checksum, chunk, offset, end);
  }
}

/** What the frames of a protocol have around their content, if anything. */
export function sealOf(
  { framing, checksum, compression, packets }: ProtocolSpec<Shape, PacketSpecs>,
): Seal | undefined {
  if (checksum === undefined && compression === undefined) return undefined;
  const seal = new Seal(framing, checksum, compression);
  for (const [name, { kind }] of Object.entries(packets)) {
    const taken = [kind ?? 0].flat().find((value) => (value & seal.bit) !== 0);
    if (taken !== undefined) {
      throw config(`the kind of ${name}, ${taken}, has the bit ${seal.bit} that says compressed`);
    }
  }
  return seal;
}
