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
  /** Median nanoseconds per packet of this library. */
  readonly oursNs: number;
  /** Median nanoseconds per packet of the npm package. */
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
  const { rounds = 15, sliceMs = 10 } = options;
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
    const [oursNs, npmNs] = samples.map((times) => times.sort((a, b) => a - b)[rounds >> 1]!);
    return { name, oursNs: oursNs!, npmNs: npmNs! };
  });
}

function timeNs(fn: () => void, count: number): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) fn();
  return (performance.now() - start) * 1e6 / (count * PACKETS);
}
