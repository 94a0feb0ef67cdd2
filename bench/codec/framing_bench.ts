/**
 * The scan of every framing in the `deno bench` suite: 64 KiB of frames of 45 bytes per iteration.
 *
 * ```sh
 * deno bench -A bench/codec/framing_bench.ts   # some of it: --filter delimiter
 * ```
 *
 * @module
 */
import { DEDICATED, FramingRunner, FRAMINGS, has, type Lengths } from "./framing_workload.ts";
import { bench } from "./harness.ts";

for (const lengths of ["equal", "mixed"] as Lengths[]) {
  for (const codec of ["wasm", "ts"] as const) {
    for (const measured of FRAMINGS.filter((framing) => has(framing, lengths))) {
      const runner = new FramingRunner(measured, lengths, codec);
      bench({
        name: `${measured.name}, ${codec}`,
        group: `64 KiB of ${lengths} frames, ${codec}`,
        baseline: measured.name === DEDICATED,
        fn: () => runner.run(1),
      });
    }
  }
}
