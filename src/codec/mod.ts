/**
 * The codec by itself: kernels that scan and encode whole batches of frames.
 *
 * @module
 */
export * from "./checksum.ts";
export * from "./codec.ts";
export * from "./compression.ts";
export { ByteWriter } from "./byte_writer.ts";
export { createCodec } from "./create.ts";
export * from "./decoder.ts";
export * from "./encoder.ts";
export type { CodecChoice } from "./lend.ts";
export * from "./streams.ts";
export * from "./framing.ts";
export {
  ERROR_CODES,
  type ErrorCode,
  FramewireError,
  type FramewireErrorOptions,
  isFramewireError,
  type StreamErrorDetail,
} from "../errors.ts";
export { looksLike } from "./looks_like.ts";
export {
  ECHO_FRAMING,
  ECHO_KIND,
  SUBMIT_FRAMING,
  SUBMIT_KIND,
} from "../protocol/defined/layouts.ts";
