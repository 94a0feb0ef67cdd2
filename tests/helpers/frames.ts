/**
 * Frames of the two protocols, built by hand: independent of what the library encodes.
 *
 * @module
 */

/** Joins byte arrays. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of a hexadecimal text; spaces do not count. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.substr(i * 2, 2), 16),
  );
}

/** Bytes as hexadecimal text. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** UTF-8 or the bytes themselves. */
export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

/** Four bytes, big-endian. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Commands of `submit`. */
export const CONN = 0x01;
export const SUBMIT = 0x02;
export const CONN_ACK = 0x81;
export const SUBMIT_ACK = 0x82;

/** A frame of `submit`; `id` is a number (eight digits) or eight bytes of text. */
export function frame(
  command: number,
  id: number | string,
  body: string | Uint8Array = "",
  total?: number,
): Uint8Array {
  const bytes = bytesOf(body);
  const name = typeof id === "number" ? String(id).padStart(8, "0") : id;
  const idBytes = Uint8Array.from(name, (c) => c.charCodeAt(0));
  return join(u32(total ?? 13 + bytes.length), Uint8Array.of(command), idBytes, bytes);
}

/** A Submit. */
export function submit(id: number | string, payload: string | Uint8Array = ""): Uint8Array {
  return frame(SUBMIT, id, payload);
}

/** A SubmitAck. */
export function ack(id: number | string, result = 0): Uint8Array {
  return frame(SUBMIT_ACK, id, Uint8Array.of(result));
}

/** Submits `first` … `first + count - 1`. */
export function submits(count: number, first = 1, payload: string | Uint8Array = ""): Uint8Array {
  return join(...Array.from({ length: count }, (_, i) => submit(first + i, payload)));
}

/** The acknowledgements of {@linkcode submits}. */
export function acks(count: number, first = 1): Uint8Array {
  return join(...Array.from({ length: count }, (_, i) => ack(first + i)));
}

/** A frame of `echo`. */
export function echoFrame(type: number, data: string | Uint8Array): Uint8Array {
  const bytes = bytesOf(data);
  return join(u32(type), u32(bytes.length), bytes);
}

/** Random numbers that a seed repeats (mulberry32): each call gives one in `[0, below)`. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return Math.floor(((t ^ t >>> 14) >>> 0) / 4294967296 * below);
  };
}

/** Bytes that a seed repeats. */
export function randomBytes(seed: number, length: number): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length }, () => next(256));
}
