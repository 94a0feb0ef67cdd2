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

/** Words are read as the platform has them, bytes otherwise. */
const IS_LITTLE_ENDIAN: boolean = /* @__PURE__ */ isLittleEndian();
/** From here on, a view of words is worth making. */
const WORDS_MIN_BYTES = 96;

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
  if (IS_LITTLE_ENDIAN && to - from >= WORDS_MIN_BYTES) {
    // Aligned words: twice as fast as bytes put together, for the price of one view.
    while ((bytes.byteOffset + at & 3) !== 0) crc = crc >>> 8 ^ table[(crc ^ bytes[at++]!) & 0xff]!;
    const count = to - at >>> 3 << 1;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, count);
    for (let i = 0; i < count; i += 2) {
      const low = words[i]! ^ crc;
      const high = words[i + 1]!;
      crc = table[1792 + (low & 0xff)]! ^ table[1536 + (low >>> 8 & 0xff)]! ^
        table[1280 + (low >>> 16 & 0xff)]! ^ table[1024 + (low >>> 24)]! ^
        table[768 + (high & 0xff)]! ^ table[512 + (high >>> 8 & 0xff)]! ^
        table[256 + (high >>> 16 & 0xff)]! ^ table[high >>> 24]!;
    }
    at += count * 4;
  }
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

function isLittleEndian(): boolean {
  return new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
}
