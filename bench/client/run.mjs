/**
 * Submits a second of one client connection against the C limit server, on Deno and on Node, beside
 * what a bare program does in the same run: `node bench/client/run.mjs [--rounds N] [--seconds S]`.
 *
 * Rounds take turns, and the best one of each counts: on a machine that does other things too, that
 * is the figure that can be got again.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { findDeno } from "../machine.mjs";
import { buildPeers, PEERS } from "../peers/build.mjs";
import { bundleForNode, ROOT } from "../server/bundle.mjs";
import { ServerProcess } from "../server/processes.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
  },
});

const SCRIPT = "bench/client/submit_rate.ts";
buildPeers();
const bundle = await bundleForNode(SCRIPT);
const deno = findDeno(ROOT);
const runtimes = {
  deno: (args) => [deno, ["run", "-A", "--no-check", `${ROOT}/${SCRIPT}`, ...args]],
  node: (args) => [process.execPath, [bundle, ...args]],
};

for (const inFlight of [64, 1024]) {
  for (const [name, command] of Object.entries(runtimes)) {
    const best = { client: 0, bare: 0 };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const kind of ["client", "bare"]) {
        const server = await ServerProcess.start({
          command: PEERS.limit,
          args: (port) => ["submit", String(port)],
          tellsPort: false,
        });
        const [file, args] = command([kind, String(server.port), String(inFlight), values.seconds]);
        const rate = Number(execFileSync(file, args, { cwd: ROOT, timeout: 60_000 }));
        best[kind] = Math.max(best[kind], rate);
        await server.stop();
      }
    }
    const share = Math.round(best.client / best.bare * 100);
    console.log(
      `${name}, ${inFlight} in flight: ${best.client.toLocaleString("en")} submits/s, ` +
        `bare ${best.bare.toLocaleString("en")} (${share} %)`,
    );
  }
}
