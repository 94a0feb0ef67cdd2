/**
 * Prints the rows of the SMPP bench as JSON, for `smpp_rows.mjs`; runs on Deno, and bundled on
 * Node.
 *
 * @module
 */
import { measureSmpp } from "./smpp_measure.ts";

console.log(JSON.stringify(measureSmpp()));
