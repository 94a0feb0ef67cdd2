/**
 * What the codec benches work on: streams of equal `submit` frames, and three tasks.
 *
 * @module
 */
import type { Codec, Scanner } from "../../src/codec/codec.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../src/protocol/defined/layouts.ts";

/** The bytes of one read: `"frame"` is exactly one frame, a number is cut there. */
export type ChunkSize = "frame" | number;

/** What is done with a chunk. */
export type Task = "scan" | "scan + payload" | "scan + acks";

/** All tasks. */
export const TASKS: readonly Task[] = ["scan", "scan + payload", "scan + acks"];

/** Payload sizes, in bytes. */
export const PAYLOADS: readonly number[] = [1, 8, 32, 128, 512, 2048, 16384, 65536];

/** Chunk sizes: one request by itself, an Ethernet segment, a full read buffer. */
export const CHUNKS: readonly ChunkSize[] = ["frame", 1400, 65536];

/** Chunks in turn, so that no run sees one and the same buffer for ever. */
const CHUNKS_IN_TURN = 8;

const HEADER_BYTES = 13;
const ACK_BYTES = 14;
const MAX_FRAME_BYTES = 1 << 20;

/** Chunks of equal frames; the last frame of each is cut when it does not fit. */
export interface Workload {
  /** The chunks, used in turn. */
  readonly chunks: readonly Uint8Array[];
  /** Complete frames in each. */
  readonly framesPerChunk: number;
}

/**
 * Makes the chunks of a combination.
 *
 * @returns Undefined when no frame fits.
 */
export function makeWorkload(payload: number, chunk: ChunkSize): Workload | undefined {
  const frameBytes = HEADER_BYTES + payload;
  const chunkBytes = chunk === "frame" ? frameBytes : chunk;
  if (frameBytes > chunkBytes) return undefined;
  const chunks = Array.from({ length: CHUNKS_IN_TURN }, (_, turn) => {
    const bytes = new Uint8Array(chunkBytes);
    const frame = new Uint8Array(frameBytes).fill(0x61 + turn);
    const view = new DataView(frame.buffer);
    view.setUint32(0, frameBytes);
    view.setUint8(4, 2);
    view.setUint32(5, 0x30303030);
    for (let at = 0, id = 0; at < chunkBytes; at += frameBytes, id++) {
      view.setUint32(9, 0x30303030 + id);
      bytes.set(frame.subarray(0, Math.min(frameBytes, chunkBytes - at)), at);
    }
    return bytes;
  });
  return { chunks, framesPerChunk: Math.floor(chunkBytes / frameBytes) };
}

/** Runs one task over whole chunks, with one codec. */
export class Runner {
  readonly #codec: Codec;
  readonly #scanner: Scanner;
  readonly #out: Uint8Array = new Uint8Array(65536 + ACK_BYTES * 5120);
  #turn = 0;
  /** Grows with what was found, so that no work can be left out. */
  sink = 0;

  /** @param codec The codec to measure. */
  constructor(codec: Codec) {
    this.#codec = codec;
    this.#scanner = codec.scanner(SUBMIT_FRAMING, SUBMIT_KIND);
  }

  /** Does `task` on each of `count` chunks. */
  run(task: Task, workload: Workload, count: number): void {
    const { chunks } = workload;
    for (let i = 0; i < count; i++) {
      const chunk = chunks[this.#turn++ % CHUNKS_IN_TURN]!;
      if (task === "scan") this.#scan(chunk);
      else if (task === "scan + acks") this.#scanAndAcks(chunk);
      else this.#scanAndPayload(chunk);
    }
  }

  #scan(chunk: Uint8Array): void {
    const table = this.#scanner.scan(chunk, 0, chunk.length, MAX_FRAME_BYTES);
    this.sink += table.count;
  }

  #scanAndAcks(chunk: Uint8Array): void {
    const codec = this.#codec;
    const table = this.#scanner.scan(chunk, 0, chunk.length, MAX_FRAME_BYTES);
    codec.results.fill(0, 0, table.count);
    this.sink += codec.encodeAcks(chunk, 0, table.count, this.#out, 0);
  }

  #scanAndPayload(chunk: Uint8Array): void {
    const { words, count } = this.#scanner.scan(chunk, 0, chunk.length, MAX_FRAME_BYTES);
    for (let i = 0; i < count; i++) {
      const at = words[i * 4]!;
      this.sink += chunk.subarray(at + HEADER_BYTES, at + words[i * 4 + 1]!).length;
    }
  }
}
