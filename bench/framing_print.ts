/**
 * Prints the rows of the framing bench as JSON, for `run.mjs`; runs on Deno, and bundled on Node.
 *
 * @module
 */
import { measureFramings } from "./codec/framing_measure.ts";

console.log(JSON.stringify(measureFramings()));
