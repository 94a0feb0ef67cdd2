/**
 * Submits a second of one client connection against the C limit server, on Deno and on Node, beside
 * what a bare program does in the same run: `node bench/client/run.mjs [--rounds N] [--seconds S]`.
 *
 * Rounds take turns, and the best one of each counts: on a machine that does other things too, that
 * is the figure that can be got again. In parentheses: submits for each second of this process's CPU,
 * which other programs disturb less.
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
    const zero = { rate: 0, perCpuSecond: 0 };
    const best = { client: zero, bare: zero };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const kind of ["client", "bare"]) {
        const server = await ServerProcess.start({
          command: PEERS.limit,
          args: (port) => ["submit", String(port)],
          tellsPort: false,
        });
        const [file, args] = command([kind, String(server.port), String(inFlight), values.seconds]);
        const told = JSON.parse(execFileSync(file, args, { cwd: ROOT, timeout: 60_000 }));
        best[kind] = {
          rate: Math.max(best[kind].rate, told.rate),
          perCpuSecond: Math.max(best[kind].perCpuSecond, told.perCpuSecond),
        };
        await server.stop();
      }
    }
    const show = ({ rate, perCpuSecond }) => `${millions(rate)} (${millions(perCpuSecond)})`;
    console.log(
      `${name}, ${inFlight} in flight: ${show(best.client)} million submits/s, ` +
        `bare ${show(best.bare)}`,
    );
  }
}

function millions(rate) {
  return (rate / 1e6).toFixed(2);
}
