/**
 * What the frames of one kind of packet have in common, encoded beforehand: most replies are this,
 * with their request's correlation copied into it and a body behind it.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { FrameWriter } from "../../codec/frame_writer.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { HeaderCodec, PacketHead } from "./header.ts";
import type { TakenBytes } from "./taken_bytes.ts";

/** The beginning of a frame, up to its body. */
export class FrameTemplate {
  /** Words of four bytes, quicker to write than bytes; four of them at a time: up to 15 bytes more than it has. */
  readonly #words: Int32Array;
  /** The words of many frames at once: where each stands, and what it is. */
  #columns: Int32Array | undefined;
  readonly #taken: TakenBytes;
  /** Where the header begins in the frame. */
  readonly #header: number;
  /** Where the body begins in the frame. */
  readonly body: number;
  /** How long every frame is: such frames are complete without being ended; 0 where they differ. */
  readonly frameBytes: number;

  private constructor(
    words: Int32Array,
    taken: TakenBytes,
    header: number,
    body: number,
    frameBytes: number,
  ) {
    this.#words = words;
    this.#taken = taken;
    this.#header = header;
    this.body = body;
    this.frameBytes = frameBytes;
  }

  /**
   * Makes the template of a packet whose header has its places.
   *
   * @throws FramewireError what the framing says of a frame of this length, if there is but one.
   */
  static of(
    head: PacketHead,
    header: HeaderCodec,
    frames: FrameWriter,
    shape: ShapeCodec,
  ): FrameTemplate {
    const writer = new ByteWriter(64);
    const mark = frames.begin(writer);
    const headerAt = writer.at;
    header.write(writer, head, undefined, undefined, undefined, 0);
    const body = writer.at;
    let frameBytes = 0;
    if (shape.width !== undefined) {
      const blank = new ByteWriter(body + shape.width);
      blank.append(writer.bytes.subarray(0, body));
      blank.at += shape.width;
      const content = blank.at;
      frames.end(blank, mark);
      // Bytes that the framing adds behind or within the content depend on it.
      if (blank.at === content) {
        frameBytes = content;
        writer.bytes.set(blank.bytes.subarray(0, body));
      }
    }
    writer.room(16);
    writer.bytes.fill(0, body, body + 16);
    const words = Int32Array.from(
      { length: body + 15 >> 4 << 2 },
      (_, i) => writer.view.getInt32(i * 4),
    );
    return new FrameTemplate(words, header.taken, headerAt, body, frameBytes);
  }

  /** Whether frames are all of one length. */
  get isComplete(): boolean {
    return this.frameBytes > 0;
  }

  /** Writes it at the end of `writer`, for the request whose header begins at `chunk[from]`. */
  write(writer: ByteWriter, chunk: Uint8Array, from: number): void {
    const words = this.#words;
    const { at } = writer;
    writer.room(words.length * 4);
    copyWords(writer.view, at, words);
    this.#taken.copy(writer, at + this.#header, chunk, from);
    writer.at = at + this.body;
  }

  /** Fills `[from, end)` with them, each with room for its body; they are complete. */
  writeRows({ view }: ByteWriter, from: number, end: number): void {
    const columns = this.#columns ??= this.#makeColumns();
    const step = this.frameBytes;
    for (let j = 0; j < columns.length; j += 2) {
      const word = columns[j + 1]!;
      for (let to = from + columns[j]!; to < end; to += step) view.setInt32(to, word);
    }
  }

  /** Those words that are not written over by what is taken or by the body. */
  #makeColumns(): Int32Array {
    const frame = new DataView(new ArrayBuffer(this.#words.length * 4));
    this.#words.forEach((word, i) => frame.setInt32(i * 4, word));
    const columns: number[] = [];
    const last = this.frameBytes - 4;
    for (let at = 0; at < this.body; at += 4) {
      // The last one may overlap the one before, but not the next frame.
      const offset = Math.min(at, last);
      const own = [0, 1, 2, 3].some((i) =>
        offset + i < this.body && !this.#taken.covers(offset + i - this.#header)
      );
      if (own) columns.push(offset, frame.getInt32(offset));
    }
    return Int32Array.from(columns);
  }

  /** Copies what the frames from `at` on take over from the requests with headers at `chunk[from]`. */
  copyRows(
    writer: ByteWriter,
    at: number,
    chunk: Uint8Array,
    from: Int32Array,
    count: number,
  ): void {
    this.#taken.copyAll(writer, at + this.#header, this.frameBytes, chunk, from, count);
  }
}

/** Four at a time: the loop itself takes longer than what it does. */
function copyWords(view: DataView, at: number, words: Int32Array): void {
  for (let i = 0; i < words.length; i += 4) {
    const to = at + i * 4;
    view.setInt32(to, words[i]!);
    view.setInt32(to + 4, words[i + 1]!);
    view.setInt32(to + 8, words[i + 2]!);
    view.setInt32(to + 12, words[i + 3]!);
  }
}
