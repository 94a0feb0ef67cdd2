/**
 * WebAssembly against TypeScript, one chunk per iteration.
 *
 * ```sh
 * deno bench -A bench/codec                  # some of it: --filter acks
 * npx esbuild bench/codec/codec_bench.ts --bundle --platform=node --format=esm --log-level=warning \
 *   | node --input-type=module               # the same on Node
 * ```
 *
 * @module
 */
import { borrow } from "../../src/codec/lend.ts";
import { bench } from "./harness.ts";
import { CHUNKS, makeWorkload, PAYLOADS, Runner, TASKS } from "./workload.ts";

const CODECS = [["wasm", new Runner(borrow("wasm"))], ["ts", new Runner(borrow("ts"))]] as const;

for (const task of TASKS) {
  for (const chunk of CHUNKS) {
    for (const payload of PAYLOADS) {
      const workload = makeWorkload(payload, chunk);
      if (workload === undefined) continue;
      const bytes = chunk === "frame" ? "one frame" : `${chunk} B`;
      const group = `${task}: ${payload} B payloads in chunks of ${bytes}, ` +
        `${workload.framesPerChunk} frame${workload.framesPerChunk === 1 ? "" : "s"} each`;
      for (const [name, runner] of CODECS) {
        bench({
          name: `${task}, ${name}`,
          group,
          baseline: name === "ts",
          fn: () => runner.run(task, workload, 1),
        });
      }
    }
  }
}
