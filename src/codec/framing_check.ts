/**
 * Checks of what a framing is made of.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";

/** How many delimiters a framing can have; the kernel keeps them at fixed places. */
export const MAX_DELIMITERS = 8;

/** The longest delimiter, in bytes. */
export const MAX_DELIMITER_BYTES = 64;

/** Makes the error of a framing, or of a change to one, that cannot be. */
export function invalidConfig(message: string): FramewireError {
  return new FramewireError("INVALID_CONFIG", message);
}

/** Refuses what is no whole number from `least` to `most`. */
export function integer(
  where: string,
  name: string,
  value: unknown,
  least: number,
  most: number,
): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw invalidConfig(
    `${where}: ${name} is ${show(value)}: it must be a whole number from ${least} to ${most}`,
  );
}

/** Refuses what is none of the values allowed. */
export function checkOneOf(
  where: string,
  name: string,
  value: unknown,
  allowed: readonly unknown[],
): void {
  if (allowed.includes(value)) return;
  throw invalidConfig(
    `${where}: ${name} is ${show(value)}: it must be ${allowed.map(show).join(" or ")}`,
  );
}

/** Refuses what is no byte order. */
export function checkEndian(where: string, value: unknown): void {
  checkOneOf(where, "endian", value, ["big", "little"]);
}

/** Refuses what is no function. */
export function checkFunction(where: string, name: string, value: unknown): void {
  if (typeof value === "function") return;
  throw invalidConfig(`${where}: ${name} is ${show(value)}: it must be a function`);
}

/** Refuses a length field of which every value is an error. */
export function checkLengthRange(
  base: number,
  size: number,
  signed: boolean,
  minFrameBytes: number,
  maxFrameBytes: number,
): void {
  const longest = base + 2 ** (8 * size - (signed ? 1 : 0)) - 1;
  if (longest < minFrameBytes) {
    throw invalidConfig(
      `lengthField: a length of ${size} bytes makes frames of ${longest} bytes at the most, and ` +
        `the shortest allowed has ${minFrameBytes} (minFrameBytes)`,
    );
  }
  if (base > maxFrameBytes) {
    throw invalidConfig(
      `lengthField: a length of 0 makes a frame of ${base} bytes already, and the longest allowed ` +
        `has ${maxFrameBytes} (maxFrameBytes)`,
    );
  }
}

/** The bytes of a delimiter, in memory of its own. */
export function bytesOf(end: unknown): Uint8Array {
  if (typeof end === "string") return new TextEncoder().encode(end);
  if (end instanceof Uint8Array) return new Uint8Array(end);
  throw invalidConfig(`delimiter: a delimiter is bytes or text, not ${show(end)}`);
}

/** Refuses delimiters that are too many, too long, or of which one hides another. */
export function checkDelimiters(delimiters: readonly Uint8Array[]): void {
  integer("delimiter", "the number of delimiters", delimiters.length, 1, MAX_DELIMITERS);
  for (const [index, bytes] of delimiters.entries()) {
    integer("delimiter", "a delimiter's length", bytes.length, 1, MAX_DELIMITER_BYTES);
    for (const [other, inner] of delimiters.entries()) {
      if (other === index) continue;
      const at = indexOf(bytes, inner);
      if (at < 0 || (inner.length < bytes.length && at + inner.length === bytes.length)) continue;
      throw invalidConfig(
        `delimiter: ${hex(bytes)} could never be found: ${hex(inner)} is complete ` +
          (inner.length === bytes.length ? "with" : "before") + " it",
      );
    }
  }
}

function indexOf(bytes: Uint8Array, inner: Uint8Array): number {
  for (let at = 0; at + inner.length <= bytes.length; at++) {
    if (inner.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
