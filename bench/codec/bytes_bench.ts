/**
 * Checksums and LZ4 in the `deno bench` suite: one body per iteration.
 *
 * ```sh
 * deno bench -A bench/codec/bytes_bench.ts   # some of it: --filter crc32c
 * ```
 *
 * @module
 */
import { tasksOf } from "./bytes_measure.ts";
import { DATA, LENGTHS } from "./bytes_workload.ts";
import { bench } from "./harness.ts";

const WHO = ["wasm", "ts", "lz4-napi"];

for (const data of DATA) {
  for (const bytes of LENGTHS) {
    for (const { name, fns } of tasksOf(data, bytes)) {
      fns.forEach((fn, i) =>
        bench({
          name: `${name}, ${WHO[i]!}`,
          group: `${name}: ${bytes} B of ${data}`,
          baseline: i === 1,
          fn: () => void fn(),
        })
      );
    }
  }
}
