/**
 * Writes the table of error codes in docs/PROTOCOL.md from src/errors.ts.
 *
 *   deno run -A tools/errors_table.ts
 *
 * @module
 */
import { ERROR_CODES } from "../src/errors.ts";

const path = new URL("../docs/PROTOCOL.md", import.meta.url);
const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]);
const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
const line = (cells: readonly string[], fill = " ") =>
  `| ${cells.map((cell, i) => cell.padEnd(widths[i]!, fill)).join(" | ")} |`;
const table = [line(["code", "meaning"]), line(["", ""], "-"), ...rows.map((row) => line(row))];

const text = await Deno.readTextFile(path);
const mended = text.replace(/\| code +\| meaning +\|\n(?:\|.*\n)+/, () => `${table.join("\n")}\n`);
await Deno.writeTextFile(path, mended);
