/**
 * Runs the SMPP bench (`smpp_measure.ts`) on Deno and on Node, and reports it.
 *
 * `node bench/protocol/smpp_rows.mjs` prints it all and writes nothing.
 *
 * @module
 */
import { build } from "esbuild";
import { join } from "node:path";
import { argv, execPath } from "node:process";
import { findDeno } from "../machine.mjs";
import { ROOT } from "../server/bundle.mjs";
import { output } from "../server/processes.mjs";

/** What has to hold: how many times faster the decoding of a submit_sm is than in the npm package. */
export const SMPP_TARGET = { name: "decode submit_sm", npmOverOurs: 10 };

/**
 * @typedef {{ name: string, oursNs: number, npmNs: number }} SmppRow nanoseconds per packet.
 * @returns {Promise<{ measuredAt: string, deno: SmppRow[], node: SmppRow[] }>}
 */
export async function measureSmpp(deno) {
  console.log("SMPP, ns per packet: measuring on Deno and on Node");
  const entry = join(ROOT, "bench/protocol/smpp_print.ts");
  const rows = {
    deno: JSON.parse(await output(deno, ["run", "-A", "--no-check", entry])),
    node: JSON.parse(await output(execPath, [await bundle(entry)])),
  };
  return { measuredAt: new Date().toISOString(), ...rows };
}

/** Within the project, so that the npm package is found; the library's sources as they are. */
async function bundle(entry) {
  const outfile = join(ROOT, ".test-build", "bench", "smpp_print.mjs");
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "esm",
    external: ["smpp"],
    alias: {
      "framewire/protocol": join(ROOT, "src/protocol/mod.ts"),
      framewire: join(ROOT, "src/entry/node.ts"),
    },
    logLevel: "error",
  });
  return outfile;
}

/** One line per target that was missed; empty when all are met. */
export function smppMisses(results) {
  return results === undefined ? [] : ["deno", "node"].flatMap((runtime) => {
    const { oursNs, npmNs } = results[runtime].find(({ name }) => name === SMPP_TARGET.name);
    const ratio = npmNs / oursNs;
    if (ratio >= SMPP_TARGET.npmOverOurs) return [];
    return [
      `missed: ${SMPP_TARGET.name}: ${ratio.toFixed(1)} times npm smpp on ${runtime}, ` +
      `wanted ${SMPP_TARGET.npmOverOurs}`,
    ];
  });
}

/** The short report: decoding on both runtimes. */
export function smppLine(results) {
  if (results === undefined) return "";
  const parts = ["deno", "node"].map((runtime) => {
    const { oursNs, npmNs } = results[runtime].find(({ name }) => name === SMPP_TARGET.name);
    const name = runtime === "deno" ? "Deno" : "Node";
    return `${(oursNs / 1000).toFixed(2)} µs on ${name} (npm smpp: ${
      (npmNs / 1000).toFixed(2)
    } µs)`;
  });
  return `To decode a submit_sm of SMPP by \`defineProtocol\` and read all its fields takes ` +
    `${parts.join(", ")}.`;
}

/** The full report: a Markdown table's head and its rows. */
export function smppCells({ deno, node }) {
  const columns = ["Framewire", "npm smpp", "npm ÷ ours"];
  const cells = ({ oursNs, npmNs }) => [
    oursNs.toFixed(0),
    npmNs.toFixed(0),
    `${(npmNs / oursNs).toFixed(1)}×`,
  ];
  return {
    head: ["ns per packet", ...columns.map((name) => `Deno ${name}`), ...columns],
    body: deno.map((row, i) => [row.name, ...cells(row), ...cells(node[i])]),
  };
}

if (argv[1] === import.meta.filename) {
  const results = await measureSmpp(findDeno(ROOT));
  const { head, body } = smppCells(results);
  for (const row of [head, ...body]) {
    console.log(row.map((text, i) => text.padEnd(i === 0 ? 34 : 18)).join(""));
  }
  for (const line of smppMisses(results)) console.log(line);
}
