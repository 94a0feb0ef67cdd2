/**
 * SMPP: a protocol made by `defineProtocol` against the npm package `smpp`, paired and interleaved.
 *
 * @module
 */
import { PACKETS, smppWorks } from "./smpp_workload.ts";

/** One task. */
export interface SmppRow {
  /** What was done, for example `"decode submit_sm"`. */
  readonly name: string;
  /** Nanoseconds per packet of this library: its best round, for others on the machine only add. */
  readonly oursNs: number;
  /** The same of the npm package. */
  readonly npmNs: number;
}

/** How long to measure. */
export interface SmppOptions {
  /** Pairs of timings per row. */
  readonly rounds?: number;
  /** Milliseconds that one timing takes, about. */
  readonly sliceMs?: number;
}

/** Measures every task; the two take turns, so that whatever slows the machine down slows both. */
export function measureSmpp(options: SmppOptions = {}): SmppRow[] {
  const { rounds = 40, sliceMs = 4 } = options;
  const works = smppWorks();
  // The compiler sees every task before the first timing.
  for (const { ours, npm } of works) timeNs(ours, 60), timeNs(npm, 60);
  return works.map(({ name, ours, npm }) => {
    const counts = [ours, npm].map((fn) => Math.ceil(sliceMs * 1e6 / (timeNs(fn, 8) * PACKETS)));
    const samples: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      for (const turn of round % 2 === 0 ? [0, 1] : [1, 0]) {
        samples[turn]!.push(timeNs(turn === 0 ? ours : npm, counts[turn]!));
      }
    }
    return { name, oursNs: Math.min(...samples[0]), npmNs: Math.min(...samples[1]) };
  });
}

function timeNs(fn: () => void, count: number): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) fn();
  return (performance.now() - start) * 1e6 / (count * PACKETS);
}
