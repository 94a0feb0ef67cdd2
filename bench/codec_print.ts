/**
 * Prints the rows of the codec bench as JSON, for `run.mjs`; runs on Deno, and bundled on Node.
 *
 * @module
 */
import { measure } from "./codec/measure.ts";

console.log(JSON.stringify(await measure()));
