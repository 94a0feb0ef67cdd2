/**
 * What every codec does, whichever language it is written in.
 *
 * A codec works on batches: one call scans a chunk of bytes into a table of frames, one call
 * encodes the acknowledgements of all of them. `wasm_codec.ts` and `ts_codec.ts` give identical
 * results and identical errors; the TypeScript one is the oracle of the tests.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import type { Framing, KindField } from "./framing_types.ts";

/** The numbers by which kernels report what ended a scan. 0 is no error. */
export const ScanStatus = {
  /** The chunk ended: between two frames, or inside an incomplete one (`need` tells). */
  OK: 0,
  /** The declared length makes a frame longer than the limit. */
  FRAME_TOO_LARGE: 1,
  /** The declared length makes a frame shorter than the shortest allowed. */
  LENGTH_UNDERFLOW: 2,
  /** A varint is longer than its framing allows. */
  VARINT_TOO_LONG: 3,
  /** As many bytes have come as a frame may have, and no delimiter among them. */
  DELIMITER_NOT_FOUND: 4,
  /** A signed length field is negative. */
  NEGATIVE_LENGTH: 5,
  /** The declared length makes a frame shorter than what is stripped from it. */
  STRIP_EXCEEDS_FRAME: 6,
  /** The scan of a custom framing threw: {@linkcode FrameTable.failure} has it. */
  INVALID_FRAME: 7,
} as const;

/** One of the numbers of {@linkcode ScanStatus}. */
export type ScanStatus = (typeof ScanStatus)[keyof typeof ScanStatus];

/** How many 32-bit words a frame takes in {@linkcode FrameTable.words}. */
export const WORDS_PER_FRAME = 4;

/** How many frames one scan reports at the most; a chunk with more takes several scans. */
export const TABLE_FRAMES = 5120;

/**
 * What one scan found. There is one table per codec instance, overwritten by its next scan.
 */
export interface FrameTable {
  /** Complete frames found. */
  count: number;
  /**
   * Four words per frame: its offset in the chunk, its whole length, its kind (as a signed 32-bit
   * number: use `>>> 0` for kinds of 4 bytes), and what surrounds its content: in the low 16 bits
   * the bytes before it, in the high 16 bits those behind it.
   *
   * Before the content is what a lengthField framing strips, or all of a varint framing's header;
   * behind it is a delimiter framing's delimiter. The word says so whatever a varint's or a
   * delimiter's `strip` is.
   */
  readonly words: Int32Array;
  /** Offset in the chunk of the first byte that no complete frame covers. */
  consumed: number;
  /**
   * How many bytes must be there, counted from `consumed`, before another scan can find more:
   * the whole length of the incomplete frame once its header is complete, the header's length
   * before; 0 when no incomplete frame is known of (the chunk ended between two frames, the table
   * was full, or an error ended the scan).
   */
  need: number;
  /** What ended the scan; the malformed frame, if any, begins at `consumed`. */
  status: ScanStatus;
  /**
   * The whole length that the malformed or incomplete frame at `consumed` declared, in bytes; may
   * be negative or over 2^32. 0 when there is no such frame, or its length is not known.
   * With NEGATIVE_LENGTH it is the length field itself, with DELIMITER_NOT_FOUND and
   * VARINT_TOO_LONG how many bytes were looked at.
   */
  declared: number;
  /** What a custom framing's scan threw. */
  failure: FramewireError | undefined;
}

/** Scans chunks of one framing. */
export interface Scanner {
  /** Bytes that must be there at the least before a frame's length is known. */
  readonly headerBytes: number;
  /**
   * Whether {@linkcode FrameTable.need} is exact: nothing behind an incomplete frame is needed, and
   * nothing is found before all of it is there. Else a frame can only be looked for.
   */
  readonly exact: boolean;
  /**
   * Finds the frames in `chunk[start, end)`, where a frame begins at `start`, and fills
   * {@linkcode Codec.table}. It stops at the end, at an error, or when the table is full; an
   * offset is counted from the chunk's beginning. Frames before an error are in the table.
   *
   * @param maxFrameBytes The longest frame allowed, all of it.
   * @param searched Where to look on for the end of the frame that begins at `start`: an earlier
   * scan has looked at all bytes before it. Only scans for a delimiter can save work by it.
   */
  scan(
    chunk: Uint8Array,
    start: number,
    end: number,
    maxFrameBytes: number,
    searched?: number,
  ): FrameTable;
}

/**
 * A codec: kernels that scan and encode whole batches.
 *
 * An instance holds the table and the results of one batch, from the scan to the encoding of its
 * replies. Code that runs user handlers in between marks it `busy` and a nested user takes another
 * instance: see `borrow` in `lend.ts`.
 */
export interface Codec {
  /** Which implementation this is. */
  readonly kind: "wasm" | "ts";
  /** Set while a batch is between its scan and its replies. */
  busy: boolean;
  /** What the last scan found. */
  readonly table: FrameTable;
  /** One result byte per frame of the table, read by {@linkcode encodeAcks}. */
  readonly results: Uint8Array;
  /**
   * The scanner of a framing; it is made once and shared, having no state of its own.
   *
   * @param framing How the stream is cut.
   * @param kind Where the kind of a frame stands; without it every kind is 0.
   * @throws FramewireError INVALID_CONFIG when the kind has no place in such frames.
   */
  scanner(framing: Framing, kind?: KindField): Scanner;
  /**
   * Encodes the 14-byte `submit` acknowledgements (WIRE.md section 1) of the table's frames
   * `[first, last)`: total 14, command `| 0x80`, the request's id, and its result byte.
   *
   * `chunk` is the one last scanned, as `submit` frames. Writes `(last - first) * 14` bytes to `out` at `at`, which
   * must have room for them.
   *
   * @returns How many bytes were written.
   */
  encodeAcks(
    chunk: Uint8Array,
    first: number,
    last: number,
    out: Uint8Array,
    at: number,
  ): number;
}
