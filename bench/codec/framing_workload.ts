/**
 * Streams of the same contents in every framing, for the benches of their scans.
 *
 * @module
 */
import { ByteWriter } from "../../src/codec/byte_writer.ts";
import type { Scanner } from "../../src/codec/codec.ts";
import { frameWriter } from "../../src/codec/frame_writer.ts";
import {
  delimiter,
  fixed,
  type Framing,
  type KindField,
  lengthField,
  varint,
} from "../../src/codec/framing.ts";
import { borrow } from "../../src/codec/lend.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../src/protocol/defined/layouts.ts";

/** A framing to measure. */
export interface MeasuredFraming {
  /** What the row says. */
  readonly name: string;
  /** The framing. */
  readonly framing: Framing;
  /** Where its kind stands. */
  readonly kind?: KindField;
}

/** How long frames are: all alike, or no two neighbours. */
export type Lengths = "equal" | "mixed";

/** The row that the generic scan is held to. */
export const DEDICATED = "submit";
/** The row of the generic scan, of the same stream. */
export const GENERIC = "lengthField, u32 of the whole frame";

/** All framings. The second is the first but for its shortest frame, so that it is scanned generically. */
export const FRAMINGS: readonly MeasuredFraming[] = [
  { name: DEDICATED, framing: SUBMIT_FRAMING, kind: SUBMIT_KIND },
  {
    name: GENERIC,
    framing: lengthField({ counts: "frame", minFrameBytes: 12 }),
    kind: SUBMIT_KIND,
  },
  { name: "lengthField, u16 little endian", framing: lengthField({ size: 2, endian: "little" }) },
  { name: "lengthField, signed u64", framing: lengthField({ size: 8, signed: true }) },
  { name: "varint", framing: varint({ strip: false, offset: 1 }) },
  { name: "delimiter, \\n", framing: delimiter("\n") },
  { name: "delimiter, \\r\\n or \\n", framing: delimiter(["\r\n", "\n"]) },
  { name: "fixed", framing: fixed(45) },
];

const FRAME_BYTES = 45;
const CHUNK_BYTES = 65536;
/** Chunks in turn, so that no run sees one and the same buffer for ever. */
const CHUNKS = 8;
const MAX_FRAME_BYTES = 1 << 20;

/** Scans chunks of one framing with one codec. */
export class FramingRunner {
  readonly #scanner: Scanner;
  readonly #chunks: readonly Uint8Array[];
  /** Complete frames in a chunk. */
  readonly framesPerChunk: number;
  #turn = 0;
  /** Grows with what was found, so that no work can be left out. */
  sink = 0;

  /**
   * @param measured The framing.
   * @param lengths How long its frames are: 45 bytes, or 13 to 77.
   * @param codec Who scans them.
   */
  constructor({ framing, kind }: MeasuredFraming, lengths: Lengths, codec: "wasm" | "ts") {
    this.#scanner = borrow(codec).scanner(framing, kind);
    this.#chunks = Array.from({ length: CHUNKS }, (_, turn) => makeChunk(framing, lengths, turn));
    this.framesPerChunk = this.#scanner
      .scan(this.#chunks[0]!, 0, CHUNK_BYTES, MAX_FRAME_BYTES).count;
  }

  /** Scans so many chunks. */
  run(count: number): void {
    for (let i = 0; i < count; i++) {
      const chunk = this.#chunks[this.#turn++ % CHUNKS]!;
      this.sink += this.#scanner.scan(chunk, 0, CHUNK_BYTES, MAX_FRAME_BYTES).count;
    }
  }
}

/** Whether a framing has frames of such lengths. */
export function has({ framing }: MeasuredFraming, lengths: Lengths): boolean {
  return framing.kind !== "fixed" || lengths === "equal";
}

function makeChunk(framing: Framing, lengths: Lengths, turn: number): Uint8Array {
  const writer = frameWriter(framing, framing.kind === "fixed" ? FRAME_BYTES : MAX_FRAME_BYTES);
  const out = new ByteWriter(2 * CHUNK_BYTES);
  for (let i = turn * 7; out.at < CHUNK_BYTES; i++) {
    const mark = writer.begin(out);
    const bytes = lengths === "equal" ? FRAME_BYTES : 13 + (i * 29) % 65;
    // What the frame adds to its content is 1 or 2 bytes, or nothing.
    const added = framing.kind === "delimiter" ? framing.delimiters[0]!.length : 0;
    out.append(new Uint8Array(bytes - added - (framing.kind === "varint" ? 1 : 0)).fill(0x61));
    writer.end(out, mark);
  }
  return out.bytes.slice(0, CHUNK_BYTES);
}
