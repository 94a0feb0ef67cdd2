/**
 * Guesses what has come when it was no frame.
 *
 * @module
 */
import type { Framing } from "./framing_types.ts";
import { looksLike } from "./looks_like.ts";
import { explainHeader } from "./own_header.ts";

/** What bytes look like. */
export interface Guess {
  /** Its name, such as `"HTTP"`. */
  readonly name: string;
  /** The end of a sentence about the bytes. */
  readonly hint: string;
}

/** How many bytes another protocol is known by. */
const FIRST_BYTES = 16;

/**
 * Guesses what a malformed frame is: another protocol's bytes, or our own header in another form.
 *
 * @param bytes What has come from the frame's beginning on.
 * @param maxFrameBytes The longest frame that was allowed.
 */
export function guess(
  framing: Framing,
  bytes: Uint8Array,
  maxFrameBytes: number,
): Guess | undefined {
  const foreign = looksLike(bytes.subarray(0, FIRST_BYTES));
  if (foreign !== undefined) return { name: foreign, hint: hintOf(foreign) };
  const name = explainHeader(framing, bytes, maxFrameBytes);
  return name === undefined ? undefined : { name, hint: `look like ${name}` };
}

function hintOf(name: string): string {
  if (name.startsWith("PROXY")) {
    return `look like the ${name}: is a proxy in front of this port that sends it?`;
  }
  const article = /^[HSRA]/.test(name) && name !== "Redis" ? "an" : "a";
  return `look like ${name}: is ${article} ${name} client connecting to this port?`;
}
