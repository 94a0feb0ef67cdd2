/**
 * What every codec does, whichever language it is written in.
 *
 * A codec works on batches: one call scans a chunk of bytes into a table of frames, one call
 * encodes the acknowledgements of all of them. `wasm_codec.ts` and `ts_codec.ts` give identical
 * results and identical errors; the TypeScript one is the oracle of the tests.
 *
 * @module
 */

/**
 * How the length of a frame is found in its header, as the scan kernels take it.
 *
 * The whole frame is `lengthOffset + lengthBytes + declared + adjust` bytes long (the rule of
 * Netty's LengthFieldBasedFrameDecoder), and never shorter than `minFrameBytes`.
 */
export interface FrameLayout {
  /** Bytes before the length field. */
  readonly lengthOffset: number;
  /** Width of the length field in bytes, 1 to 8. */
  readonly lengthBytes: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
  /** Added to `lengthOffset + lengthBytes + declared` to get the whole frame's length. */
  readonly adjust: number;
  /** Whether the length field is little endian. */
  readonly littleEndian: boolean;
  /** The shortest frame the protocol allows, at least `lengthOffset + lengthBytes`. */
  readonly minFrameBytes: number;
  /** Where the field stands that names the kind of packet; with `kindBytes` 0 there is none. */
  readonly kindOffset: number;
  /** Width of the kind field: 0 (none), 1, 2 or 4 bytes, in the byte order of the length. */
  readonly kindBytes: 0 | 1 | 2 | 4;
}

/** The numbers by which kernels report what ended a scan. 0 is no error. */
export const ScanStatus = {
  /** The chunk ended: between two frames, or inside an incomplete one (`need` tells). */
  OK: 0,
  /** The declared length makes a frame longer than the limit. */
  FRAME_TOO_LARGE: 1,
  /** The declared length makes a frame shorter than `minFrameBytes`. */
  LENGTH_UNDERFLOW: 2,
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
   * number: use `>>> 0` for kinds of 4 bytes), and one word left to the protocol.
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
  /** The whole length that the malformed frame declared, in bytes; may be negative or over 2^32. */
  declared: number;
}

/** Scans chunks of one framing. */
export interface Scanner {
  /** Bytes that must be there before a frame's length is known. */
  readonly headerBytes: number;
  /**
   * Finds the frames in `chunk[start, end)`, where a frame begins at `start`, and fills
   * {@linkcode Codec.table}. It stops at the end, at an error, or when the table is full; an
   * offset is counted from the chunk's beginning. Frames before an error are in the table.
   *
   * @param maxFrameBytes The longest frame allowed, its header included.
   */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): FrameTable;
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
  /** Makes the scanner of a framing; cheap, made once per protocol and instance. */
  scanner(layout: FrameLayout): Scanner;
  /**
   * Encodes the 14-byte `submit` acknowledgements (WIRE.md section 1) of the table's frames
   * `[first, last)`: total 14, command `| 0x80`, the request's id, and its result byte.
   *
   * `chunk` is the one last scanned. Writes `(last - first) * 14` bytes to `out` at `at`, which
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
