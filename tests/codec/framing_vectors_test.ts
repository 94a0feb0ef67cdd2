/** Byte for byte what every framing makes and takes: the golden frames of tests/vectors/framings.json. */

import t from "tap";
import { createDecoder } from "../../src/codec/decoder.ts";
import { createEncoder } from "../../src/codec/encoder.ts";
import type { Framing } from "../../src/codec/framing.ts";
import { type FramewireError, isFramewireError } from "../../src/errors.ts";
import { framingOf, type FramingSpec } from "../fuzz/case.ts";
import { fromHex, toHex } from "../helpers/frames.ts";
import { readJson } from "../helpers/root.ts";
import { CODECS } from "../helpers/settings.ts";

/** An error's figures. */
interface Failure {
  readonly code: string;
  readonly declaredBytes?: number;
  readonly limitBytes?: number;
  readonly streamOffset: number;
}

interface Vectors {
  readonly framings: readonly {
    readonly name: string;
    readonly framing: FramingSpec & { readonly maxFrameBytes?: number };
    readonly frames?: readonly {
      readonly content: string;
      readonly frame: string;
      readonly decoded?: string;
    }[];
    readonly streams?: readonly {
      readonly stream: string;
      readonly contents: readonly string[];
      readonly skipped?: readonly Failure[];
      readonly error?: Failure;
    }[];
  }[];
}

/** Decodes a stream in pieces. */
function decode(codec: "wasm" | "ts", framing: Framing, stream: Uint8Array, piece: number): {
  contents: string[];
  skipped: FramewireError[];
  error: FramewireError | undefined;
} {
  const skipped: FramewireError[] = [];
  const decoder = createDecoder(framing, { codec, onSkipped: (error) => skipped.push(error) });
  const contents: string[] = [];
  try {
    for (let from = 0; from < stream.length; from += piece) {
      for (const frame of decoder.push(stream.slice(from, from + piece))) {
        contents.push(toHex(frame));
      }
    }
    decoder.end();
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    return { contents, skipped, error };
  }
  return { contents, skipped, error: undefined };
}

for (const { name, framing: spec, frames = [], streams = [] } of readVectors().framings) {
  t.test(name, (t) => {
    const framing = framingOf(spec, spec.maxFrameBytes ?? 1 << 20);
    const encoder = createEncoder(framing);
    for (const { content, frame, decoded = content } of frames) {
      const wire = toHex(fromHex(frame));
      t.equal(toHex(encoder.encode(fromHex(content))), wire, `encode ${frame}`);
      for (const codec of CODECS) {
        const { contents } = decode(codec, framing, fromHex(frame), 1);
        t.strictSame(contents, [toHex(fromHex(decoded))], `decode ${frame} (${codec})`);
      }
    }
    for (const { stream, contents, skipped = [], error } of streams) {
      const bytes = fromHex(stream);
      for (const codec of CODECS) {
        for (const piece of [1, 2, 3, bytes.length]) {
          const what = `${stream} in pieces of ${piece} (${codec})`;
          const got = decode(codec, framing, bytes, piece);
          t.strictSame(got.contents, contents, what);
          t.match(got.skipped, skipped, `${what}: skipped`);
          t.equal(got.skipped.length, skipped.length);
          if (error === undefined) t.equal(got.error, undefined, what);
          else t.match(got.error, error, what);
        }
      }
    }
    t.end();
  });
}

function readVectors(): Vectors {
  return readJson<Vectors>("tests/vectors/framings.json");
}
