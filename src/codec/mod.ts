/**
 * The codec by itself: kernels that scan and encode whole batches of frames.
 *
 * @module
 */
export * from "./checksum.ts";
export * from "./codec.ts";
export * from "./compression.ts";
export { createCodec } from "./create.ts";
export * from "./framing.ts";
export { looksLike } from "./looks_like.ts";
export { ECHO_FRAMING, ECHO_KIND, SUBMIT_FRAMING, SUBMIT_KIND } from "../protocol/layouts.ts";
