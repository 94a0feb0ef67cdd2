/**
 * Random cases, each from one number.
 *
 * @module
 */

import { ByteWriter } from "../../src/codec/byte_writer.ts";
import { frameWriter } from "../../src/codec/frame_writer.ts";
import type { KindField } from "../../src/codec/framing.ts";
import { isFramewireError } from "../../src/errors.ts";
import { random } from "../helpers/frames.ts";
import { framingOf, type FramingSpec, type FuzzCase, toHex } from "./case.ts";

/** Picks random numbers. */
type Next = (below: number) => number;

/** Makes the case of a seed; the same seed gives the same case. */
export function caseOf(seed: number): FuzzCase {
  const next = random(seed);
  for (;;) {
    const framing = randomFraming(next);
    const maxFrameBytes = framing.kind === "fixed"
      ? framing.frameBytes
      : next(12) === 0
      ? 60_000 + next(20_000)
      : 8 + next(next(3) === 0 ? 600 : 60);
    try {
      let bytes = randomStream(next, framing, maxFrameBytes);
      const reframe = next(6) === 0 ? randomReframe(next, maxFrameBytes) : undefined;
      if (reframe !== undefined) {
        bytes = concat(bytes, randomStream(next, reframe.framing, maxFrameBytes));
      }
      return {
        framing,
        ...kindOf(next, framing, maxFrameBytes),
        maxFrameBytes,
        ...(reframe !== undefined && { reframe }),
        stream: toHex(bytes),
        cuts: randomCuts(next, bytes.length),
        ...(next(3) === 0 && { rooms: [0, next(4), 1 + next(6)] }),
        ...(next(3) === 0 && { keeps: true }),
      };
    } catch (error) {
      if (!isFramewireError(error, "INVALID_CONFIG")) throw error;
    }
  }
}

function randomFraming(next: Next): FramingSpec {
  const onOversize = next(2) === 0 ? "skip" : "fail";
  switch (next(10)) {
    case 0:
      return { kind: "fixed", frameBytes: 1 + next(next(4) === 0 ? 300 : 20) };
    case 1:
      return { kind: "custom", scan: (["typed", "counted", "zero"] as const)[next(3)]! };
    case 2:
    case 3: {
      const offset = next(2) === 0 ? 0 : next(next(8) === 0 ? 240 : 6);
      return { kind: "varint", offset, maxBytes: 1 + next(9), strip: next(2) === 0, onOversize };
    }
    case 4:
    case 5:
    case 6:
      return {
        kind: "delimiter",
        delimiters: Array.from({ length: 1 + next(3) }, () => randomDelimiter(next)),
        strip: next(2) === 0,
        onOversize,
      };
    default: {
      const offset = next(2) === 0 ? 0 : next(next(8) === 0 ? 240 : 8);
      const size = 1 + next(8);
      const header = offset + size;
      return {
        kind: "lengthField",
        offset,
        size,
        adjust: next(2) === 0 ? 0 : next(2 * header + 8) - header - 4,
        strip: next(2) === 0 ? 0 : next(header + (next(4) === 0 ? 30 : 4)),
        counts: next(2) === 0 ? "frame" : "payload",
        endian: next(2) === 0 ? "little" : "big",
        signed: next(3) === 0,
        minFrameBytes: header + (next(2) === 0 ? 0 : next(8)),
        onOversize,
      };
    }
  }
}

/** Out of few bytes, so that they overlap and repeat. */
function randomDelimiter(next: Next): string {
  const length = next(3) > 0 ? 1 + next(3) : 1 + next(64);
  return toHex(Uint8Array.from({ length }, () => 0x0a + next(3)));
}

function randomReframe(next: Next, maxFrameBytes: number): NonNullable<FuzzCase["reframe"]> {
  for (;;) {
    const framing = randomFraming(next);
    if (framing.kind === "fixed" && framing.frameBytes > maxFrameBytes) continue;
    framingOf(framing, maxFrameBytes);
    return { after: 1 + next(8), framing, ...kindOf(next, framing, maxFrameBytes) };
  }
}

function kindOf(
  next: Next,
  framing: FramingSpec,
  maxFrameBytes: number,
): { readonly kind?: KindField } {
  if (next(2) === 0) return {};
  const kind = randomKind(next);
  return fits(framing, maxFrameBytes, kind) ? { kind } : {};
}

function randomKind(next: Next): KindField {
  const bytes = ([1, 2, 4] as const)[next(3)]!;
  return { offset: next(next(6) === 0 ? 60 : 10), bytes, littleEndian: next(2) === 0 };
}

function fits(spec: FramingSpec, maxFrameBytes: number, kind: KindField): boolean {
  const end = kind.offset + kind.bytes;
  if (spec.kind === "varint" && kind.offset < (spec.offset ?? 0)) return end <= (spec.offset ?? 0);
  return end <= (spec.kind === "fixed" ? spec.frameBytes : maxFrameBytes);
}

/** Well-formed frames, then what may go wrong with them. */
function randomStream(next: Next, spec: FramingSpec, maxFrameBytes: number): Uint8Array {
  const framing = framingOf(spec, maxFrameBytes);
  const out = new ByteWriter(1024);
  const long = next(80) === 0; // over a window, and with short frames over a table
  const wanted = long ? 70_000 : next(next(10) === 0 ? 6000 : 400);
  const shortest = next(long ? 2 : 8) === 0;
  // Equal frames one after the other are scanned faster, so they are a case of their own.
  const repeats = next(4) === 0;
  let content: Uint8Array = new Uint8Array(0);
  const writer = frameWriter(framing);
  let failures = 0;
  while (out.at < wanted && failures < 200) {
    if (!repeats || next(long ? 2000 : 10) === 0 || out.at === 0) {
      content = randomContent(next, shortest ? 2 : Math.min(maxFrameBytes + 4, wanted));
    }
    if (next(50) === 0) {
      out.append(content); // as it is: perhaps a frame, perhaps not
      continue;
    }
    try {
      const mark = writer.begin(out);
      if (spec.kind === "fixed") out.append(randomContent(next, spec.frameBytes, true));
      else out.append(content);
      writer.end(out, mark);
    } catch {
      failures++; // not every content can be a frame
    }
  }
  return mutate(next, out.bytes.slice(0, out.at));
}

/** Bytes of few values, or of all. */
function randomContent(next: Next, most: number, exactly = false): Uint8Array {
  const length = exactly ? most : next(next(3) === 0 ? most + 1 : Math.min(most, 24) + 1);
  const values = next(2) === 0 ? 256 : 5;
  return Uint8Array.from({ length }, () => values === 256 ? next(256) : 0x09 + next(values));
}

function mutate(next: Next, bytes: Uint8Array): Uint8Array {
  let result = bytes;
  if (next(2) === 0) return result;
  for (let count = 1 + next(3); count > 0; count--) {
    const at = next(result.length + 1);
    const length = next(Math.min(16, result.length - at) + 1);
    switch (next(6)) {
      case 0:
        if (at < result.length) result[at]! ^= 1 << next(8);
        break;
      case 1:
        result = concat(result.subarray(0, at), result.subarray(at + length));
        break;
      case 2:
        result = concat(result.subarray(0, at), randomContent(next, 12), result.subarray(at));
        break;
      case 3:
        result = concat(result.subarray(0, at + length), result.subarray(at));
        break;
      case 4:
        result.fill(next(2) === 0 ? 0xff : 0, at, at + length);
        break;
      default:
        result = result.slice(0, at);
    }
  }
  return result;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter(64);
  for (const part of parts) out.append(part);
  return out.bytes.slice(0, out.at);
}

function randomCuts(next: Next, length: number): number[] {
  const cuts: number[] = [];
  const step = [1, 3, 20, 400, 20_000][next(5)]!;
  // Byte by byte only where that does not take for ever.
  const least = Math.ceil(length / 1500);
  for (let at = next(step + 1); at < length; at += least + next(step)) cuts.push(at);
  return cuts;
}
