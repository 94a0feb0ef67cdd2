/**
 * Measures the scans of all framings against each other, interleaved.
 *
 * @module
 */
import { FramingRunner, FRAMINGS, has, type Lengths } from "./framing_workload.ts";

/** One framing. */
export interface FramingRow {
  /** The framing. */
  readonly name: string;
  /** How long its frames are. */
  readonly lengths: Lengths;
  /** Median nanoseconds per frame in WebAssembly. */
  readonly wasmNs: number;
  /** Median nanoseconds per frame in TypeScript. */
  readonly tsNs: number;
}

const ROUNDS = 31;
const SLICE_MS = 2;
const WARM_UP_MS = 60;

/**
 * Measures every framing: in each round each has its turn, so that whatever slows the machine down
 * slows all of them.
 */
export function measureFramings(): FramingRow[] {
  const rows: FramingRow[] = [];
  for (const lengths of ["equal", "mixed"] as Lengths[]) {
    const framings = FRAMINGS.filter((framing) => has(framing, lengths));
    const medians = (["wasm", "ts"] as const).map((codec) =>
      mediansOf(framings.map((framing) => new FramingRunner(framing, lengths, codec)))
    );
    framings.forEach(({ name }, i) =>
      rows.push({ name, lengths, wasmNs: medians[0]![i]!, tsNs: medians[1]![i]! })
    );
  }
  return rows;
}

function mediansOf(runners: readonly FramingRunner[]): number[] {
  const counts = runners.map((runner) => {
    const start = performance.now();
    let chunks = 0;
    for (; performance.now() - start < WARM_UP_MS; chunks += 4) runner.run(4);
    return Math.max(1, Math.round(chunks * SLICE_MS / WARM_UP_MS));
  });
  const samples: number[][] = runners.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const i = (turn + round) % runners.length;
      const start = performance.now();
      runners[i]!.run(counts[i]!);
      const ns = (performance.now() - start) * 1e6;
      samples[i]!.push(ns / (counts[i]! * runners[i]!.framesPerChunk));
    }
  }
  return samples.map((times) => times.sort((a, b) => a - b)[ROUNDS >> 1]!);
}
