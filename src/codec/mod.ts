/**
 * The codec by itself: kernels that scan and encode whole batches of frames, and decoders and encoders
 * over them that need no socket.
 *
 * @example Frames to bytes and back
 * ```ts
 * import { createDecoder, createEncoder, varint } from "framewire/codec";
 *
 * const framing = varint({ maxFrameBytes: 1024 });
 * const bytes = createEncoder(framing).encode(new TextEncoder().encode("hello"));
 * const frames = [...createDecoder(framing).push(bytes)];
 * console.log(frames.map((frame) => new TextDecoder().decode(frame)));
 * ```
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
