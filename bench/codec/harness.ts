/**
 * `Deno.bench` where there is one, and the little of it that these benches use on Node.
 *
 * @module
 */

/** One bench. */
export interface BenchDefinition {
  /** What the row says. */
  readonly name: string;
  /** Rows that are compared with each other. */
  readonly group: string;
  /** Whether the others of the group are compared with this one. */
  readonly baseline?: boolean;
  /** What is timed. */
  readonly fn: () => void;
}

const WARM_UP_MS = 50;
const SAMPLES = 25;
const SAMPLE_MS = 4;

const deno = (globalThis as { Deno?: { bench?: (definition: BenchDefinition) => void } }).Deno;
const queue: BenchDefinition[] = [];

/** Registers a bench: `deno bench` runs it, Node as soon as all are registered. */
export function bench(definition: BenchDefinition): void {
  if (deno?.bench !== undefined) return deno.bench(definition);
  if (queue.push(definition) === 1) setTimeout(runAll);
}

function runAll(): void {
  for (const group of new Set(queue.map((definition) => definition.group))) {
    const definitions = queue.filter((definition) => definition.group === group);
    const times = measure(definitions.map((definition) => definition.fn));
    const base = times[definitions.findIndex((definition) => definition.baseline)];
    console.log(`\n${group}`);
    definitions.forEach(({ name, baseline }, i) => {
      const ratio = base === undefined || baseline ? "" : `${(times[i]! / base).toFixed(2)} x`;
      console.log(`  ${name.padEnd(22)} ${times[i]!.toFixed(1).padStart(12)} ns/iter  ${ratio}`);
    });
  }
}

/** The median time of each, in nanoseconds; their samples are interleaved. */
function measure(fns: readonly (() => void)[]): number[] {
  const counts = fns.map((fn) => {
    let count = 0;
    const start = performance.now();
    while (performance.now() - start < WARM_UP_MS) {
      for (let i = 0; i < 16; i++) fn();
      count += 16;
    }
    return Math.ceil(count * SAMPLE_MS / WARM_UP_MS);
  });
  const samples: number[][] = fns.map(() => []);
  for (let sample = 0; sample < SAMPLES; sample++) {
    fns.forEach((fn, i) => {
      const count = counts[i]!;
      const start = performance.now();
      for (let n = 0; n < count; n++) fn();
      samples[i]!.push((performance.now() - start) * 1e6 / count);
    });
  }
  return samples.map((times) => times.sort((a, b) => a - b)[SAMPLES >> 1]!);
}
