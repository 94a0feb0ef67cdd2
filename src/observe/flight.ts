/**
 * A flight recorder: the headers of the last frames of a connection, for when it ends with an error.
 *
 * A ring of numbers in one array, made with the connection's first frame; no payload is kept. What
 * came is recorded by the frame, what was sent by the bytes between two batches.
 *
 * @module
 */
import type { FrameTable } from "../codec/codec.ts";

/** One entry of a flight recorder. */
export interface FlightEntry {
  /** When, in milliseconds before the connection's end. */
  readonly beforeMs: number;
  /** `"in"`: a frame that came; `"out"`: what was put out after the frames before it. */
  readonly direction: "in" | "out";
  /** The whole frame's length, or how much was put out, in bytes. */
  readonly bytes: number;
  /** The frame's kind, as its protocol has it: a command, a type. */
  readonly kind?: number;
  /** The bytes of the frame's id in hexadecimal, in protocols that have one in each frame. */
  readonly id?: string;
}

/** Where a frame has its id: at most 8 bytes. */
export interface IdField {
  /** Its first byte, counted from the frame's first. */
  readonly offset: number;
  /** How many bytes it has: 1 to 8. */
  readonly bytes: number;
}

const ENTRIES = 32;
/** Numbers of an entry: time, bytes (negative: put out), kind, and the id's two halves. */
const NUMBERS = 5;

/** Records the last frames of one connection. */
export class FlightRecorder {
  /** 640 bytes; times are whole milliseconds after the first entry. */
  readonly #ring = new Int32Array(ENTRIES * NUMBERS);
  readonly #id: IdField | undefined;
  readonly #began: number;
  #count = 0;
  #sent = 0;

  /** @param now The time of the first entry. */
  constructor(id: IdField | undefined, now: number) {
    this.#id = id;
    this.#began = now;
  }

  /** The first `count` frames of a batch came. */
  frames(chunk: Uint8Array, { words }: FrameTable, count: number, now: number): void {
    const at = Math.round(now - this.#began);
    const ring = this.#ring;
    const id = this.#id;
    for (let i = Math.max(0, count - ENTRIES); i < count; i++) {
      const entry = this.#count++ % ENTRIES * NUMBERS;
      const offset = words[i * 4]!;
      ring[entry] = at;
      ring[entry + 1] = words[i * 4 + 1]!;
      ring[entry + 2] = words[i * 4 + 2]!;
      ring[entry + 3] = ring[entry + 4] = 0;
      if (id === undefined) continue;
      for (let byte = 0; byte < id.bytes; byte++) {
        const half = entry + (byte < 4 ? 3 : 4);
        ring[half] = ring[half]! << 8 | chunk[offset + id.offset + byte]!;
      }
    }
  }

  /** So many bytes have been put out on the whole. */
  sent(sent: number, now: number): void {
    if (sent === this.#sent) return;
    const entry = this.#count++ % ENTRIES * NUMBERS;
    this.#ring[entry] = Math.round(now - this.#began);
    this.#ring[entry + 1] = -Math.min(sent - this.#sent, 2 ** 31 - 1);
    this.#sent = sent;
  }

  /** What was recorded, the oldest first. */
  entries(now: number): FlightEntry[] {
    const end = Math.round(now - this.#began);
    const entries: FlightEntry[] = [];
    for (let i = Math.max(0, this.#count - ENTRIES); i < this.#count; i++) {
      const [at, bytes, kind, high, low] = this.#ring.subarray(
        i % ENTRIES * NUMBERS,
        i % ENTRIES * NUMBERS + NUMBERS,
      ) as unknown as [number, number, number, number, number];
      const beforeMs = end - at;
      if (bytes < 0) entries.push({ beforeMs, direction: "out", bytes: -bytes });
      else {
        const id = this.#id === undefined ? {} : { id: hex(high, low, this.#id.bytes) };
        entries.push({ beforeMs, direction: "in", bytes, kind: kind >>> 0, ...id });
      }
    }
    return entries;
  }
}

/** The entries in words, one a line, for people. */
export function flightText(entries: readonly FlightEntry[]): string {
  return entries.map(({ beforeMs, direction, bytes, kind, id }) =>
    `${`-${beforeMs}`.padStart(7)} ms  ${direction.padEnd(3)}  ${bytes} bytes` +
    (kind === undefined ? "" : `  kind 0x${kind.toString(16).padStart(2, "0")}`) +
    (id === undefined ? "" : `  id ${id}`)
  ).join("\n");
}

function hex(high: number, low: number, bytes: number): string {
  const half = (word: number, length: number) =>
    (word >>> 0).toString(16).padStart(length * 2, "0");
  return half(high, Math.min(4, bytes)) + (bytes > 4 ? half(low, bytes - 4) : "");
}
