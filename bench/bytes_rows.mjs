/**
 * Runs the bench of checksums and LZ4 (`codec/bytes_measure.ts`) on Deno and on Node, and reports it.
 *
 * `node bench/bytes_rows.mjs` prints it all and writes nothing.
 *
 * @module
 */
import { join } from "node:path";
import process, { argv, execPath } from "node:process";
import { findDeno } from "./machine.mjs";
import { bundleForNode, ROOT } from "./server/bundle.mjs";
import { output } from "./server/processes.mjs";

/**
 * @typedef {{ name: string, data: string, bytes: number, ratio?: number, wasmNs: number,
 *   tsNs: number, nativeNs?: number }} BytesRow nanoseconds per body, the same work done by each.
 */

/** What has to hold for 64 KiB of JSON: WebAssembly's speed over TypeScript's, and in GB/s. */
export const BYTES_TARGETS = {
  bytes: 65536,
  data: "json",
  tasks: {
    "crc32c": { tsOverWasm: 1.4, gbPerS: 2 },
    "crc32": { tsOverWasm: 1.4, gbPerS: 2 },
    "lz4 compress": { tsOverWasm: 2 },
    "lz4 decompress": { tsOverWasm: 2 },
  },
};

/** @returns {Promise<{ measuredAt: string, deno: BytesRow[], node: BytesRow[] }>} */
export async function measureBytes(deno) {
  const entry = "bench/bytes_print.ts";
  console.log("checksums and LZ4, GB/s: measuring on Deno and on Node");
  const rows = {
    deno: JSON.parse(await output(deno, ["run", "-A", join(ROOT, entry)])),
    node: JSON.parse(await output(execPath, [await bundleForNode(entry)])),
  };
  return { measuredAt: new Date().toISOString(), ...rows };
}

/** One line per target that was missed; empty when all are met. */
export function bytesMisses(results) {
  const lines = [];
  for (const runtime of results === undefined ? [] : ["deno", "node"]) {
    for (const [name, { tsOverWasm, gbPerS = 0 }] of Object.entries(BYTES_TARGETS.tasks)) {
      const row = targetRow(results[runtime], name);
      const ratio = row.tsNs / row.wasmNs;
      const speed = row.bytes / row.wasmNs;
      if (ratio >= tsOverWasm && speed >= gbPerS) continue;
      lines.push(
        `missed: ${name}: ${ratio.toFixed(2)} times TypeScript and ${speed.toFixed(2)} GB/s on ` +
          `${runtime}, wanted ${tsOverWasm}${gbPerS === 0 ? "" : ` and ${gbPerS} GB/s`}`,
      );
    }
  }
  return lines;
}

/** The short report: 64 KiB on Deno. */
export function bytesLine(results) {
  if (results === undefined) return "";
  const parts = Object.keys(BYTES_TARGETS.tasks).map((name) => {
    const { bytes, wasmNs, tsNs, nativeNs } = targetRow(results.deno, name);
    const native = nativeNs === undefined ? "" : `, ${speed(bytes, nativeNs)} in lz4-napi`;
    return `${name} ${speed(bytes, wasmNs)} GB/s in WebAssembly, ${speed(bytes, tsNs)} in ` +
      `TypeScript${native}`;
  });
  return `64 KiB of JSON on Deno: ${parts.join("; ")}.`;
}

/** The full report: a Markdown table's head and its rows. */
export function bytesCells({ deno, node }) {
  const cells = (row) =>
    row === undefined ? ["–", "–", "–", "–"] : [
      speed(row.bytes, row.wasmNs),
      speed(row.bytes, row.tsNs),
      `${(row.tsNs / row.wasmNs).toFixed(2)}×`,
      row.nativeNs === undefined ? "–" : speed(row.bytes, row.nativeNs),
    ];
  const columns = ["WASM", "TS", "WASM ÷ TS", "lz4-napi"];
  return {
    head: ["GB/s", "body", "gets", ...columns.map((name) => `Deno ${name}`), ...columns],
    body: deno.map((row) => {
      const twin = node.find(({ name, data, bytes }) =>
        name === row.name && data === row.data && bytes === row.bytes
      );
      const size = row.bytes < 1024 ? `${row.bytes} B` : `${row.bytes / 1024} KiB`;
      const gets = row.ratio === undefined ? "–" : `${row.ratio.toFixed(2)}× smaller`;
      return [row.name, `${size} of ${row.data}`, gets, ...cells(row), ...cells(twin)];
    }),
  };
}

function targetRow(rows, name) {
  const { bytes, data } = BYTES_TARGETS;
  return rows.find((row) => row.name === name && row.data === data && row.bytes === bytes);
}

function speed(bytes, ns) {
  return (bytes / ns).toFixed(2);
}

if (argv[1] === import.meta.filename) {
  process.chdir(ROOT); // lz4-napi is found from there
  const results = await measureBytes(findDeno(ROOT));
  const { head, body } = bytesCells(results);
  for (const row of [head, ...body]) {
    console.log(row.map((text, i) => text.padEnd(i < 3 ? 16 : 10)).join(" "));
  }
  for (const line of bytesMisses(results)) console.log(line);
}
