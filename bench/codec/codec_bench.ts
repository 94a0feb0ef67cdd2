/**
 * WebAssembly against TypeScript, one chunk per iteration: `deno bench -A bench/codec`, with
 * `--filter "scan + acks"` for some of it. On Node: bundle it with esbuild, as bench/README.md says.
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
        bench({ name, group, baseline: name === "ts", fn: () => runner.run(task, workload, 1) });
      }
    }
  }
}
