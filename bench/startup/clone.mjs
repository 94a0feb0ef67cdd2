/**
 * How long `deno run -A mod.ts serve` takes to listen in a clone in which nothing was installed.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../server/bundle.mjs";
import { median, msToListening } from "./processes.mjs";

/**
 * @typedef {{ warmMs: number, coldMs: number }} CloneRow Medians: with the cache of Deno as one run
 *   leaves it, and with an empty one, when all sources are compiled first.
 */

/**
 * @param {string} deno
 * @param {{ rounds: number }} pace
 * @returns {Promise<CloneRow>}
 */
export async function measureClone(deno, { rounds }) {
  const folder = mkdtempSync(join(tmpdir(), "framewire-startup-"));
  try {
    const cwd = join(folder, "clone");
    execFileSync("git", ["clone", "--quiet", ROOT, cwd]);
    const command = [deno, "run", "-A", "mod.ts", "serve", "--port", "0"];
    const run = (cache) => msToListening(command, { cwd, env: { DENO_DIR: join(folder, cache) } });
    const [warm, cold] = [[], []];
    await run("kept");
    await run("kept"); // V8's code is kept from the second run on
    for (let round = 0; round < rounds; round++) {
      warm.push(await run("kept"));
      const cache = `empty-${round}`;
      cold.push(await run(cache));
      rmSync(join(folder, cache), { recursive: true, force: true });
    }
    return { warmMs: median(warm), coldMs: median(cold) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
