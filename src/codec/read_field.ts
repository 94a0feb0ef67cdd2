/**
 * Integers of any width out of bytes.
 *
 * @module
 */

/** Reads an unsigned integer of 0 to 4 bytes, as a signed 32-bit number. */
export function readWord(
  chunk: Uint8Array,
  at: number,
  bytes: number,
  littleEndian: boolean,
): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) {
    value = value << 8 | chunk[littleEndian ? at + bytes - 1 - i : at + i]!;
  }
  return value;
}

/**
 * Reads an integer of 0 to 8 bytes. Over 4 bytes it is put together from two halves, so that it is
 * rounded only once, as the WASM codec does it.
 */
export function readField(
  chunk: Uint8Array,
  at: number,
  bytes: number,
  littleEndian: boolean,
  signed: boolean,
): number {
  if (bytes > 4) {
    const high = readField(chunk, littleEndian ? at + 4 : at, bytes - 4, littleEndian, signed);
    const low = readWord(chunk, littleEndian ? at : at + bytes - 4, 4, littleEndian) >>> 0;
    return high * 0x100000000 + low;
  }
  const word = readWord(chunk, at, bytes, littleEndian);
  if (!signed) return word >>> 0;
  const unused = 32 - 8 * bytes;
  return word << unused >> unused;
}
