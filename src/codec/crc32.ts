/**
 * CRC-32C and CRC-32 in plain TypeScript: the oracle of the tests, the fallback, and the faster one
 * for a few hundred bytes.
 *
 * Slicing by 8: table k holds what a byte makes of the register k more bytes later, so that eight
 * look-ups are independent of one another.
 *
 * @module
 */

/** The reflected polynomial of CRC-32C (Castagnoli), RFC 3720 section 12.1. */
const CASTAGNOLI = 0x82f63b78;
/** The reflected polynomial of CRC-32, IEEE 802.3. */
const IEEE = 0xedb88320;

let castagnoliTables: Int32Array | undefined;
let ieeeTables: Int32Array | undefined;

/**
 * Continues a checksum over `bytes[from, to)`.
 *
 * @param ieee Whether it is CRC-32 instead of CRC-32C.
 * @param state The register: all ones at first, to be inverted at the end; so is the result.
 */
export function updateCrc32(
  ieee: boolean,
  bytes: Uint8Array,
  from: number,
  to: number,
  state: number,
): number {
  const table = ieee
    ? ieeeTables ??= makeTables(IEEE)
    : castagnoliTables ??= makeTables(CASTAGNOLI);
  let crc = state;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    crc ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    crc = table[1792 + (crc & 0xff)]! ^ table[1536 + (crc >>> 8 & 0xff)]! ^
      table[1280 + (crc >>> 16 & 0xff)]! ^ table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^ table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^ table[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = crc >>> 8 ^ table[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

function makeTables(polynomial: number): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ polynomial : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const crc = table[i - 256]!;
    table[i] = crc >>> 8 ^ table[crc & 0xff]!;
  }
  return table;
}
