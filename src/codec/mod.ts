/**
 * The codec by itself: kernels that scan and encode whole batches of frames.
 *
 * @module
 */
export * from "./codec.ts";
export { createCodec } from "./create.ts";
export { looksLike } from "./looks_like.ts";
export { ECHO_LAYOUT, SUBMIT_LAYOUT } from "../protocol/layouts.ts";
