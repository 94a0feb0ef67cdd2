/**
 * Frames out of their content, without a socket.
 *
 * @module
 */
import { ByteWriter } from "./byte_writer.ts";
import { frameWriter } from "./frame_writer.ts";
import type { Framing } from "./framing.ts";

/** Options of {@linkcode createEncoder}. */
export interface EncoderOptions {
  /** The longest frame, all of it, in bytes; by default what the framing says. */
  readonly maxFrameBytes?: number;
}

/** Makes frames; made by {@linkcode createEncoder}. */
export interface Encoder {
  /**
   * Makes a frame.
   *
   * @param payload Its content: what a decoder of the same framing gives. Where the framing strips
   * nothing, that is the whole frame: a length field in it is overwritten, a varint is inserted, and
   * a delimiter must be there already.
   * @returns The frame, in memory of its own.
   * @throws FramewireError FRAME_TOO_LARGE when it is over the limit or the length does not fit its
   * field; LENGTH_UNDERFLOW when it is under the shortest; INVALID_CONTENT when the content has a
   * delimiter in it, or not the fixed length.
   */
  encode(payload: Uint8Array): Uint8Array;
  /**
   * Makes a frame at the end of `out`; when it throws, `out` is unchanged.
   *
   * @returns How many bytes it has.
   */
  encodeInto(payload: Uint8Array, out: ByteWriter): number;
}

/** What a frame adds to most contents, in bytes. */
const ROOM_BYTES = 32;

/**
 * Makes an encoder.
 *
 * @param framing How frames are made.
 * @param options The limit.
 * @throws FramewireError INVALID_CONFIG.
 *
 * @example A length of two bytes before the content
 * ```ts
 * import { createEncoder, lengthField } from "framewire";
 *
 * const encoder = createEncoder(lengthField({ size: 2, strip: 2 }));
 * const frame = encoder.encode(new Uint8Array([7, 8, 9]));
 * if (frame.join() !== "0,3,7,8,9") throw new Error("unexpected");
 * ```
 */
export function createEncoder(framing: Framing, options: EncoderOptions = {}): Encoder {
  const frames = frameWriter(framing, options.maxFrameBytes);
  const encodeInto = (payload: Uint8Array, out: ByteWriter): number => {
    const start = out.at;
    const mark = frames.begin(out);
    out.append(payload);
    frames.end(out, mark);
    return out.at - start;
  };
  return {
    encodeInto,
    encode(payload) {
      const out = new ByteWriter(payload.length + ROOM_BYTES);
      encodeInto(payload, out);
      return out.bytes.subarray(0, out.at);
    },
  };
}
