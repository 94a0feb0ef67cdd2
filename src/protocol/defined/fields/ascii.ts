/**
 * Short texts, which are nearly always ASCII, without the runtime's encoders: a call of those costs
 * more than twenty characters do.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { FieldReader } from "./field.ts";

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

/** Text up to this length is cheaper to decode by hand. */
const SHORT_TEXT_BYTES = 24;
/** Text up to this length is cheaper to encode by hand. */
const SHORT_TEXT_CHARS = 64;

/** Reads short texts quickly. */
export class QuickReader extends FieldReader {
  /** {@inheritDoc FieldReader.text} */
  override text(from: number, to: number): string {
    return decodeText(this.bytes, from, to);
  }
}

/** The text that `bytes[from, to)` is in UTF-8. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from === 8) return decodeEight(bytes, from);
  if (to - from > SHORT_TEXT_BYTES) return decoder.decode(bytes.subarray(from, to));
  let text = "";
  let at = from;
  let high = 0;
  for (; at + 8 <= to; at += 8) {
    const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!, d = bytes[at + 3]!;
    const e = bytes[at + 4]!, f = bytes[at + 5]!, g = bytes[at + 6]!, h = bytes[at + 7]!;
    high |= a | b | c | d | e | f | g | h;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  if (at + 4 <= to) {
    const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!, d = bytes[at + 3]!;
    high |= a | b | c | d;
    text += String.fromCharCode(a, b, c, d);
    at += 4;
  }
  switch (to - at) {
    case 3: {
      const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!;
      high |= a | b | c;
      text += String.fromCharCode(a, b, c);
      break;
    }
    case 2: {
      const a = bytes[at]!, b = bytes[at + 1]!;
      high |= a | b;
      text += String.fromCharCode(a, b);
      break;
    }
    case 1:
      high |= bytes[at]!;
      text += String.fromCharCode(bytes[at]!);
  }
  return high < 0x80 ? text : decoder.decode(bytes.subarray(from, to));
}

/** The same for eight bytes, which ids have so often that they are worth their own way. */
export function decodeEight(bytes: Uint8Array, at: number): string {
  const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!, d = bytes[at + 3]!;
  const e = bytes[at + 4]!, f = bytes[at + 5]!, g = bytes[at + 6]!, h = bytes[at + 7]!;
  return (a | b | c | d | e | f | g | h) < 0x80
    ? String.fromCharCode(a, b, c, d, e, f, g, h)
    : decoder.decode(bytes.subarray(at, at + 8));
}

/**
 * Writes a short text of ASCII without zeros to the end of the writer.
 *
 * @returns Whether it was that; else nothing was written.
 */
export function writeAscii(writer: ByteWriter, text: string): boolean {
  const { length } = text;
  if (length > SHORT_TEXT_CHARS) return false;
  writer.room(length);
  const { bytes, at } = writer;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code >= 0x80) return false;
    bytes[at + i] = code;
  }
  writer.at = at + length;
  return true;
}
