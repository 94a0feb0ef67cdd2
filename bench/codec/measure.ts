/**
 * Measures the codecs against each other, interleaved.
 *
 * @module
 */
import { borrow } from "../../src/codec/lend.ts";
import {
  CHUNKS,
  type ChunkSize,
  makeWorkload,
  PAYLOADS,
  Runner,
  type Task,
  TASKS,
  type Workload,
} from "./workload.ts";

/** One combination. */
export interface CodecRow {
  /** The task. */
  readonly name: Task;
  /** Payload bytes per frame. */
  readonly payload: number;
  /** Bytes per chunk, or `"frame"`. */
  readonly chunk: ChunkSize;
  /** Median nanoseconds per frame in WebAssembly. */
  readonly wasmNs: number;
  /** Median nanoseconds per frame in TypeScript. */
  readonly tsNs: number;
  /** Median nanoseconds per frame with the codec that takes the faster one for each chunk. */
  readonly autoNs: number;
}

/** How long to measure. */
export interface MeasureOptions {
  /** Rounds per row; each gives one sample to each codec. */
  readonly rounds?: number;
  /** Milliseconds that one timing takes, about. */
  readonly sliceMs?: number;
  /** Which rows to measure; all without it. */
  readonly only?: (name: Task, payload: number, chunk: ChunkSize) => boolean;
}

/**
 * Measures every combination of task, payload and chunk in which a frame fits.
 *
 * Each round times a slice of every codec, another one first each time, so that whatever slows the
 * machine down slows all of them.
 */
export function measure(options: MeasureOptions = {}): CodecRow[] {
  const { rounds = 15, sliceMs = 2, only = () => true } = options;
  const runners = (["wasm", "ts", "auto"] as const).map((choice) => new Runner(borrow(choice)));
  warmUp(runners);
  const rows: CodecRow[] = [];
  for (const name of TASKS) {
    for (const chunk of CHUNKS) {
      for (const payload of PAYLOADS) {
        const workload = makeWorkload(payload, chunk);
        if (workload === undefined || !only(name, payload, chunk)) continue;
        const [wasmNs, tsNs, autoNs] = interleave(runners, name, workload, rounds, sliceMs);
        rows.push({ name, payload, chunk, wasmNs: wasmNs!, tsNs: tsNs!, autoNs: autoNs! });
      }
    }
  }
  return rows;
}

/** Lets the compiler see every shape of input before the first timing. */
function warmUp(runners: readonly Runner[]): void {
  for (let pass = 0; pass < 3; pass++) {
    for (const task of TASKS) {
      for (const chunk of CHUNKS) {
        for (const payload of PAYLOADS) {
          const workload = makeWorkload(payload, chunk);
          if (workload === undefined) continue;
          for (const runner of runners) {
            runner.run(task, workload, Math.ceil(4000 / workload.framesPerChunk));
          }
        }
      }
    }
  }
}

function interleave(
  runners: readonly Runner[],
  task: Task,
  workload: Workload,
  rounds: number,
  sliceMs: number,
): number[] {
  const counts = runners.map((runner) => chunksPerSlice(runner, task, workload, sliceMs));
  const samples: number[][] = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const i = (round + turn) % runners.length;
      samples[i]!.push(timePerFrame(runners[i]!, task, workload, counts[i]!));
    }
  }
  return samples.map(median);
}

function chunksPerSlice(runner: Runner, task: Task, workload: Workload, sliceMs: number): number {
  for (let count = 8;; count *= 2) {
    const start = performance.now();
    runner.run(task, workload, count);
    const ms = performance.now() - start;
    if (ms >= sliceMs / 2) return Math.max(1, Math.round(count * sliceMs / ms));
  }
}

function timePerFrame(runner: Runner, task: Task, workload: Workload, count: number): number {
  const start = performance.now();
  runner.run(task, workload, count);
  return (performance.now() - start) * 1e6 / (count * workload.framesPerChunk);
}

function median(samples: number[]): number {
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1]!;
}
