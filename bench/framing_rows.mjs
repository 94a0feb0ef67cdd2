/**
 * Runs the bench of the framings' scans (`codec/framing_measure.ts`) on Deno and on Node.
 *
 * `node bench/framing_rows.mjs` prints it all and writes nothing.
 *
 * @module
 */
import { join } from "node:path";
import process, { argv, execPath } from "node:process";
import { findDeno } from "./machine.mjs";
import { bundleForNode, ROOT } from "./server/bundle.mjs";
import { output } from "./server/processes.mjs";

/**
 * @typedef {{ name: string, lengths: string, wasmNs: number, tsNs: number }} FramingRow
 *   nanoseconds per frame of 45 bytes on the average.
 */

/** How much longer the generic scan may take than the dedicated one of the same stream. */
export const FRAMING_TARGET = {
  dedicated: "submit",
  generic: "lengthField, u32 of the whole frame",
  lengths: "equal",
  most: 1.15,
};

/** @returns {Promise<{ measuredAt: string, deno: FramingRow[], node: FramingRow[] }>} */
export async function measureFramings(deno) {
  const entry = "bench/framing_print.ts";
  console.log("framings, ns per frame: measuring on Deno and on Node");
  const rows = {
    deno: JSON.parse(await output(deno, ["run", "-A", join(ROOT, entry)])),
    node: JSON.parse(await output(execPath, [await bundleForNode(entry)])),
  };
  return { measuredAt: new Date().toISOString(), ...rows };
}

/** The generic scan's time by the dedicated one's. */
function ratioOf(rows) {
  const { dedicated, generic, lengths } = FRAMING_TARGET;
  const [of, to] = [generic, dedicated].map((name) =>
    rows.find((row) => row.name === name && row.lengths === lengths)
  );
  return of.wasmNs / to.wasmNs;
}

/** One line per target that was missed; empty when all are met. */
export function framingMisses(results) {
  return (results === undefined ? [] : ["deno", "node"])
    .filter((runtime) => ratioOf(results[runtime]) > FRAMING_TARGET.most)
    .map((runtime) =>
      `missed: the generic lengthField scan takes ${ratioOf(results[runtime]).toFixed(2)} of the ` +
      `dedicated one's time on ${runtime}, wanted at most ${FRAMING_TARGET.most}`
    );
}

/** The short report: one line. */
export function framingLine(results) {
  if (results === undefined) return "";
  const { deno, node } = results;
  const rows = deno.filter(({ lengths }) => lengths === FRAMING_TARGET.lengths);
  const parts = rows.map(({ name, wasmNs }) => `${name} ${wasmNs.toFixed(1)}`);
  return `Scanning frames of 45 bytes in WebAssembly on Deno, ns per frame: ${parts.join("; ")}. ` +
    `The generic lengthField scan takes ${ratioOf(deno).toFixed(2)} of the dedicated one's time, ` +
    `on Node ${ratioOf(node).toFixed(2)}.`;
}

/** The full report: a Markdown table's head and its rows. */
export function framingCells({ deno, node }) {
  const head = ["framing", "lengths", "Deno WASM", "Deno TS", "Node WASM", "Node TS"];
  const body = deno.map(({ name, lengths, wasmNs, tsNs }) => {
    const other = node.find((row) => row.name === name && row.lengths === lengths);
    const times = [wasmNs, tsNs, other.wasmNs, other.tsNs].map((ns) => ns.toFixed(1));
    return [name, lengths, ...times];
  });
  return { head, body };
}

if (argv[1] === import.meta.filename) {
  const results = await measureFramings(findDeno(ROOT));
  const { head, body } = framingCells(results);
  for (const row of [head, ...body]) {
    console.log(row.map((cell, i) => i === 0 ? cell.padEnd(38) : cell.padStart(9)).join(" "));
  }
  for (const line of framingMisses(results)) console.log(line);
  if (framingMisses(results).length > 0) process.exitCode = 1;
}
