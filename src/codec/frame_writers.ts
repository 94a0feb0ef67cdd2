/**
 * The writers of frames, one for each kind of framing.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { lengthLayout } from "./frame_layout.ts";
import type { FrameWriter } from "./frame_writer.ts";
import type {
  CustomFraming,
  DelimiterFraming,
  FixedFraming,
  LengthFieldFraming,
  VarintFraming,
} from "./framing_types.ts";
import { DelimiterMatcher } from "./ts_delimiter_scanner.ts";

/** Of `lengthField`. */
export class LengthWriter implements FrameWriter {
  readonly #framing: LengthFieldFraming;
  readonly #most: number;
  readonly #base: number;
  /** The largest number the field can hold. */
  readonly #mostField: number;

  constructor(framing: LengthFieldFraming, most: number) {
    this.#framing = framing;
    this.#most = most;
    this.#base = lengthLayout(framing, undefined).base;
    this.#mostField = 2 ** (8 * framing.size - (framing.signed ? 1 : 0)) - 1;
  }

  begin(out: ByteWriter): number {
    const { strip } = this.#framing;
    const mark = out.at;
    out.room(strip);
    out.bytes.fill(0, mark, mark + strip);
    out.at = mark + strip;
    return mark;
  }

  end(out: ByteWriter, mark: number): void {
    const { offset, size, littleEndian, minFrameBytes } = this.#framing;
    const total = out.at - mark;
    const field = total - this.#base;
    if (total > this.#most) throw tooLarge(out, mark, total, this.#most);
    if (total < minFrameBytes || field < 0) {
      throw tooShort(out, mark, total, Math.max(minFrameBytes, this.#base));
    }
    if (field > this.#mostField) throw tooLarge(out, mark, total, this.#mostField + this.#base);
    const { bytes } = out;
    const at = mark + offset;
    let rest = field;
    for (let i = 0; i < size; i++) {
      bytes[littleEndian ? at + i : at + size - 1 - i] = rest;
      rest = Math.floor(rest / 256);
    }
  }
}

/** Of `varint`. */
export class VarintWriter implements FrameWriter {
  readonly #framing: VarintFraming;
  readonly #most: number;

  constructor(framing: VarintFraming, most: number) {
    this.#framing = framing;
    this.#most = most;
  }

  begin(out: ByteWriter): number {
    const mark = out.at;
    if (this.#framing.strip) {
      // Room for a length of one byte, too: it is the most frequent, and then nothing is moved.
      const { offset } = this.#framing;
      out.room(offset + 1);
      out.bytes.fill(0, mark, mark + offset);
      out.at = mark + offset + 1;
    }
    return mark;
  }

  end(out: ByteWriter, mark: number): void {
    const { offset, maxBytes, strip } = this.#framing;
    const content = mark + offset + (strip ? 1 : 0);
    const length = out.at - content;
    if (length < 0) throw tooShort(out, mark, out.at - mark, offset);
    let width = 1;
    for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) width++;
    const total = offset + width + length;
    if (total > this.#most) throw tooLarge(out, mark, total, this.#most);
    if (width > maxBytes) {
      throw tooLarge(out, mark, total, offset + maxBytes + 128 ** maxBytes - 1);
    }
    out.room(width);
    const { bytes } = out;
    let at = mark + offset;
    if (at + width !== content) bytes.copyWithin(at + width, content, out.at);
    let rest = length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = rest % 128 + 128;
    bytes[at] = rest;
    out.at = mark + total;
  }
}

/** Of `delimiter`. */
export class DelimiterWriter implements FrameWriter {
  readonly #delimiter: Uint8Array;
  readonly #strip: boolean;
  readonly #most: number;
  readonly #matcher: DelimiterMatcher;

  constructor(framing: DelimiterFraming, most: number) {
    this.#delimiter = framing.delimiters[0]!;
    this.#strip = framing.strip;
    this.#most = most;
    const longestFirst = [...framing.delimiters].sort((a, b) => b.length - a.length);
    this.#matcher = new DelimiterMatcher(longestFirst);
  }

  begin(out: ByteWriter): number {
    return out.at;
  }

  end(out: ByteWriter, mark: number): void {
    if (this.#strip) out.append(this.#delimiter);
    const total = out.at - mark;
    if (total > this.#most) throw tooLarge(out, mark, total, this.#most);
    const { bytes, at } = out;
    const end = this.#matcher.firstEnd(bytes, mark, at);
    // The end of the content may be the beginning of a longer delimiter.
    const whole = !this.#strip ||
      this.#matcher.endsAt(bytes, at - 1, mark) === this.#delimiter.length;
    if (end === at && whole) return;
    out.at = mark;
    throw new FramewireError(
      "INVALID_CONTENT",
      end < 0
        ? "the content must end in a delimiter, since the framing strips none"
        : `the content has a delimiter in it, complete at byte ${
          end - mark
        }: it would be cut there`,
    );
  }
}

/** Of `fixed`. */
export class FixedWriter implements FrameWriter {
  readonly #frameBytes: number;

  constructor(framing: FixedFraming) {
    this.#frameBytes = framing.frameBytes;
  }

  begin(out: ByteWriter): number {
    return out.at;
  }

  end(out: ByteWriter, mark: number): void {
    const total = out.at - mark;
    if (total === this.#frameBytes) return;
    out.at = mark;
    throw new FramewireError(
      "INVALID_CONTENT",
      `the content has ${total} bytes, and every frame has ${this.#frameBytes}`,
      { declaredBytes: total, limitBytes: this.#frameBytes },
    );
  }
}

/** Of `custom`. */
export class CustomWriter implements FrameWriter {
  readonly #encode: CustomFraming["encode"];
  readonly #most: number;

  constructor(framing: CustomFraming, most: number) {
    this.#encode = framing.encode;
    this.#most = most;
  }

  begin(out: ByteWriter): number {
    if (this.#encode === undefined) {
      throw new FramewireError(
        "INVALID_CONFIG",
        "the custom framing has no encode, so nothing can be sent in it",
      );
    }
    return out.at;
  }

  end(out: ByteWriter, mark: number): void {
    const content = out.bytes.slice(mark, out.at);
    out.at = mark;
    const frame = this.#encode!(content);
    if (frame.length > this.#most) throw tooLarge(out, mark, frame.length, this.#most);
    out.append(frame);
  }
}

function tooLarge(out: ByteWriter, mark: number, total: number, most: number): FramewireError {
  out.at = mark;
  return new FramewireError(
    "FRAME_TOO_LARGE",
    `frame of ${total} bytes is over the limit of ${most}`,
    { declaredBytes: total, limitBytes: most },
  );
}

function tooShort(out: ByteWriter, mark: number, total: number, least: number): FramewireError {
  out.at = mark;
  return new FramewireError(
    "LENGTH_UNDERFLOW",
    `frame of ${total} bytes is under the ${least} that the shortest frame has`,
    { declaredBytes: total, limitBytes: least },
  );
}
