/**
 * What the features `crc32c` and `lz4` do to a frame of the `submit` protocol (docs/PROTOCOL.md,
 * section 1): a checksum at its end, and a compressed body.
 *
 * @module
 */
import { type Checksum, checksumOf, verifyChecksum, writeChecksum } from "../../codec/checksum.ts";
import { type Compression, lz4 } from "../../codec/compression.ts";
import { FramewireError } from "../../errors.ts";
import { SUBMIT_HEADER_BYTES } from "./commands.ts";

/** The features of a connection that change its frames. */
export interface FrameFeatures {
  /** Every frame ends in a CRC-32C of all its bytes before, u32, counted in its total. */
  readonly crc32c?: boolean;
  /** A body may be sent as its raw length, u32, and one LZ4 block, with bit 0x40 in its command. */
  readonly lz4?: boolean;
}

/** The bit of the command that says that a body is compressed. */
export const COMPRESSED = 0x40;

const COMMAND = 4;
const RAW_LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 4;

let checksum: Checksum | undefined;
let compression: Compression | undefined;

/**
 * Puts the features of its connection on a frame.
 *
 * @param frame A whole plain frame: header and body.
 * @param features What was agreed upon.
 * @param minBytes Bodies under this length are not compressed, in bytes.
 * @returns The frame to send: the same memory when nothing changes.
 *
 * @example
 * ```ts
 * import { openSubmitFrame, sealSubmitFrame } from "framewire/protocol";
 *
 * const features = { crc32c: true, lz4: true };
 * const frame = new Uint8Array(13 + 5000);
 * new DataView(frame.buffer).setUint32(0, frame.length);
 * frame[4] = 2;
 * const sealed = sealSubmitFrame(frame, features);
 * if (sealed.length > 100) throw new Error("5,000 zeros take less");
 * const opened = openSubmitFrame(sealed, features, 1 << 20);
 * if (opened.length !== frame.length) throw new Error("the frame comes back");
 * ```
 */
export function sealSubmitFrame(
  frame: Uint8Array,
  features: FrameFeatures,
  minBytes = 64,
): Uint8Array {
  const bodyBytes = frame.length - SUBMIT_HEADER_BYTES;
  let body = frame.subarray(SUBMIT_HEADER_BYTES);
  let packed: Uint8Array | undefined;
  if (features.lz4 && bodyBytes >= minBytes) {
    packed = (compression ??= lz4()).compress(body);
    if (packed !== undefined && packed.length + RAW_LENGTH_BYTES >= bodyBytes) packed = undefined;
  }
  if (packed === undefined && !features.crc32c) return frame;
  if (packed !== undefined) body = packed;
  const at = SUBMIT_HEADER_BYTES + (packed === undefined ? 0 : RAW_LENGTH_BYTES);
  const end = at + body.length;
  const sealed = new Uint8Array(end + (features.crc32c ? CHECKSUM_BYTES : 0));
  const view = new DataView(sealed.buffer);
  sealed.set(frame.subarray(0, SUBMIT_HEADER_BYTES));
  view.setUint32(0, sealed.length);
  if (packed !== undefined) {
    sealed[COMMAND]! |= COMPRESSED;
    view.setUint32(SUBMIT_HEADER_BYTES, bodyBytes);
  }
  sealed.set(body, at);
  if (features.crc32c) writeChecksum(checksum ??= checksumOf("crc32c"), sealed, 0, end);
  return sealed;
}

/**
 * Takes the features of its connection off a frame: checks its checksum, decompresses its body.
 *
 * @param frame A whole frame as it came.
 * @param features What was agreed upon.
 * @param maxFrameBytes The longest frame allowed, decompressed, in bytes.
 * @returns The plain frame; a view of `frame` when nothing was compressed, whose first four bytes
 * may then count the checksum too: use its length.
 * @throws FramewireError CHECKSUM_MISMATCH, DECOMPRESSION_FAILED, FRAME_TOO_LARGE,
 * UNEXPECTED_PACKET for a compressed body without the feature.
 */
export function openSubmitFrame(
  frame: Uint8Array,
  features: FrameFeatures,
  maxFrameBytes: number,
): Uint8Array {
  let plain = frame;
  if (features.crc32c) {
    verifyChecksum(checksum ??= checksumOf("crc32c"), frame, 0, frame.length);
    plain = frame.subarray(0, frame.length - CHECKSUM_BYTES);
  }
  const command = plain[COMMAND]!;
  if ((command & COMPRESSED) === 0) return plain;
  if (!features.lz4) {
    throw new FramewireError(
      "UNEXPECTED_PACKET",
      `command 0x${
        command.toString(16)
      } says that its body is compressed, and the connection has ` +
        "not agreed on lz4",
      { firstBytes: frame.slice(0, 16) },
    );
  }
  const body = SUBMIT_HEADER_BYTES + RAW_LENGTH_BYTES;
  if (plain.length < body) {
    throw new FramewireError(
      "DECOMPRESSION_FAILED",
      `a compressed frame of ${plain.length} bytes lacks its raw length`,
    );
  }
  const rawBytes = new DataView(plain.buffer, plain.byteOffset).getUint32(SUBMIT_HEADER_BYTES);
  const total = SUBMIT_HEADER_BYTES + rawBytes;
  if (total > maxFrameBytes) {
    throw new FramewireError(
      "FRAME_TOO_LARGE",
      `a compressed body declares ${rawBytes} bytes, which makes a frame over the limit of ` +
        `${maxFrameBytes} (maxFrameBytes)`,
      { declaredBytes: total, limitBytes: maxFrameBytes },
    );
  }
  const raw = (compression ??= lz4()).decompress(plain.subarray(body), rawBytes);
  const opened = new Uint8Array(total);
  opened.set(plain.subarray(0, SUBMIT_HEADER_BYTES));
  opened[COMMAND] = command & ~COMPRESSED;
  new DataView(opened.buffer).setUint32(0, total);
  opened.set(raw, SUBMIT_HEADER_BYTES);
  return opened;
}
