/**
 * SMPP in the `deno bench` suite: 256 packets per iteration.
 *
 * ```sh
 * deno bench -A bench/protocol
 * npx esbuild bench/protocol/smpp_bench.ts --bundle --platform=node --format=esm \
 *   --packages=external --alias:framewire=./src/entry/node.ts \
 *   --alias:framewire/protocol=./src/protocol/mod.ts --outfile=.test-build/smpp_bench.mjs
 * node .test-build/smpp_bench.mjs            # the same on Node
 * ```
 *
 * @module
 */
import { bench } from "../codec/harness.ts";
import { smppWorks } from "./smpp_workload.ts";

for (const { name, ours, npm } of smppWorks()) {
  bench({ name: `${name}, framewire`, group: name, fn: ours });
  bench({ name: `${name}, npm smpp`, group: name, baseline: true, fn: npm });
}
