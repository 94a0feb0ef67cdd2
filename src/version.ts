/**
 * The version of this copy of the library.
 *
 * @module
 */

/** The version, as in package.json and deno.json; a test compares the three. */
export const VERSION = "0.1.0";
