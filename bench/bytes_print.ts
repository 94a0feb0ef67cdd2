/**
 * Prints the rows of the bench of checksums and LZ4 as JSON, for `bytes_rows.mjs`; runs on Deno, and
 * bundled on Node.
 *
 * @module
 */
import { measureBytes } from "./codec/bytes_measure.ts";

console.log(JSON.stringify(measureBytes()));
