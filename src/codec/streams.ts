/**
 * Decoders and encoders as `TransformStream`s, for any stream of bytes: a fetched body, a file, a
 * compressed stream.
 *
 * @module
 */
import { createDecoder, type DecoderOptions } from "./decoder.ts";
import { createEncoder, type EncoderOptions } from "./encoder.ts";
import type { Framing } from "./framing.ts";

/**
 * A stream that takes chunks of bytes and gives the content of each frame. It fails with the error
 * of the malformed frame, after the frames before it, and with TRUNCATED when the stream ends inside
 * a frame.
 *
 * @param framing How the stream is framed.
 * @param options The codec and the limit.
 * @throws FramewireError INVALID_CONFIG.
 *
 * @example The lines of a response
 * ```ts
 * import { decoderStream, delimiter } from "framewire";
 *
 * const body = new Response("one\ntwo\n").body!;
 * const lines: string[] = [];
 * for await (const line of body.pipeThrough(decoderStream(delimiter("\n")))) {
 *   lines.push(new TextDecoder().decode(line));
 * }
 * if (lines.join() !== "one,two") throw new Error("unexpected");
 * ```
 */
export function decoderStream(
  framing: Framing,
  options: DecoderOptions = {},
): TransformStream<Uint8Array, Uint8Array> {
  const decoder = createDecoder(framing, options);
  return new TransformStream({
    transform(chunk, controller) {
      for (const frame of decoder.push(chunk)) controller.enqueue(frame);
    },
    flush: () => decoder.end(),
  });
}

/**
 * A stream that takes the content of frames and gives the frames.
 *
 * @param framing How frames are made.
 * @param options The limit.
 * @throws FramewireError INVALID_CONFIG.
 */
export function encoderStream(
  framing: Framing,
  options: EncoderOptions = {},
): TransformStream<Uint8Array, Uint8Array> {
  const encoder = createEncoder(framing, options);
  return new TransformStream({
    transform(payload, controller) {
      controller.enqueue(encoder.encode(payload));
    },
  });
}
