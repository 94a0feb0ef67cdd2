/**
 * What a reply's header takes over from its request's: the correlation, and fields to be copied.
 *
 * @module
 */
import type { ByteWriter } from "../../codec/byte_writer.ts";
import { FieldReader } from "./fields/field.ts";

/** For the view of the chunk. */
const reader = /* @__PURE__ */ new FieldReader();
/** From so many headers on a view of the chunk is worth its making. */
const VIEW_HEADERS = 4;

/** Bytes that stand at the same places in two headers. */
export class TakenBytes {
  /** The first of its runs, nearly always the only one. */
  readonly #offset: number;
  readonly #count: number;
  /** The others: where each begins and how long it is. */
  readonly #more: readonly number[];

  /** Runs of bytes: where each begins in a header and how long it is. */
  constructor(runs: readonly (readonly [offset: number, count: number])[]) {
    const [first = [0, 0], ...more] = [...runs].sort(([a], [b]) => a - b);
    [this.#offset, this.#count] = first;
    this.#more = more.flat();
  }

  /** Whether the byte at an offset is one of them. */
  covers(offset: number): boolean {
    if (offset >= this.#offset && offset < this.#offset + this.#count) return true;
    for (let i = 0; i < this.#more.length; i += 2) {
      const from = this.#more[i]!;
      if (offset >= from && offset < from + this.#more[i + 1]!) return true;
    }
    return false;
  }

  /** Copies them from the header at `chunk[from]` into the one at `at`, which has its room. */
  copy(writer: ByteWriter, at: number, chunk: Uint8Array, from: number): void {
    copyBytes(writer, at + this.#offset, chunk, from + this.#offset, this.#count);
    const more = this.#more;
    for (let i = 0; i < more.length; i += 2) {
      copyBytes(writer, at + more[i]!, chunk, from + more[i]!, more[i + 1]!);
    }
  }

  /** The same for `count` headers: those at `chunk[from]`, into those at `at` and every `step` on. */
  copyAll(
    writer: ByteWriter,
    at: number,
    step: number,
    chunk: Uint8Array,
    from: Int32Array,
    count: number,
  ): void {
    copyColumn(writer, at, step, chunk, from, count, this.#offset, this.#count);
    const more = this.#more;
    for (let i = 0; i < more.length; i += 2) {
      copyColumn(writer, at, step, chunk, from, count, more[i]!, more[i + 1]!);
    }
  }
}

/** By words where that is usual: in a loop, each byte takes as long as a word. */
function copyColumn(
  writer: ByteWriter,
  at: number,
  step: number,
  chunk: Uint8Array,
  from: Int32Array,
  count: number,
  offset: number,
  bytes: number,
): void {
  if (count < VIEW_HEADERS || bytes !== 8 && bytes !== 4) {
    for (let i = 0; i < count; i++) {
      copyBytes(writer, at + i * step + offset, chunk, from[i]! + offset, bytes);
    }
    return;
  }
  reader.open(chunk, 0, 0);
  const { data } = reader;
  const { view } = writer;
  let to = at + offset;
  if (bytes === 4) {
    for (let i = 0; i < count; i++, to += step) view.setInt32(to, data.getInt32(from[i]! + offset));
    return;
  }
  for (let i = 0; i < count; i++, to += step) {
    const start = from[i]! + offset;
    view.setInt32(to, data.getInt32(start));
    view.setInt32(to + 4, data.getInt32(start + 4));
  }
}

function copyBytes(
  { bytes }: ByteWriter,
  to: number,
  chunk: Uint8Array,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) bytes[to + i] = chunk[from + i]!;
}
