import {
  CRC_REST,
  CRC_TABLE_BYTES,
  CRC_TABLES,
  CRC_WINDOW,
} from "./layout";

// Each polynomial has a sparse multiple T(x), found by search. For CRC-32C
//   x^209 + x^144 + x^54 + x^39 + x^14 + 1,
// for CRC-32
//   x^274 + x^93 + x^75 + x^19 + x^11 + 1.
// Over GF(2), T(x)^8 = T(x^8): the same exponents count bytes instead of bits. So a byte may be
// dropped when it is added (xor) to those that follow at the distances 209 - 144, 209 - 54, …, 209.
// Turned around: each byte takes up those that stand 65, 155, 170, 195 and 209 bytes before it, and
// only the last 209 matter. No distance is under 16, so 16 bytes are one step; 5 GB/s where a table
// gives 1. tests/codec/crc32_test.ts proves that T(x) is a multiple.

const DEGREE_C: u32 = 209;
const DEGREE: u32 = 274;

/** Under this, the tables alone are faster. */
const FOLD_MIN_BYTES: u32 = 384;

// Reflected, as the tables use them.
const POLYNOMIAL_C: u32 = 0x82f63b78;
const POLYNOMIAL: u32 = 0xedb88320;

/**
 * Continues a checksum over the first `bytes` bytes of CRC_WINDOW, which it overwrites.
 *
 * `ieee` chooses CRC-32 instead of CRC-32C. `state` and the result are the register itself: all ones
 * at first, and to be inverted at the end.
 */
export function crc32(ieee: u32, bytes: u32, state: u32): u32 {
  const table: u32 = ieee ? CRC_TABLES + CRC_TABLE_BYTES : CRC_TABLES;
  if (load<u32>(table, 4) == 0) fillTables(table, ieee ? POLYNOMIAL : POLYNOMIAL_C);
  if (bytes < FOLD_MIN_BYTES) return lookUp(table, CRC_WINDOW, CRC_WINDOW + bytes, state);

  // A register is nothing but bits added to the first 32.
  store<u32>(CRC_WINDOW, load<u32>(CRC_WINDOW) ^ state);
  const degree: u32 = ieee ? DEGREE : DEGREE_C;
  const end: u32 = CRC_WINDOW + ((bytes - degree) & ~63);
  const rest: u32 = CRC_WINDOW + bytes - end;
  fold(ieee, CRC_WINDOW, end, 0);
  // The last bytes take up what is before them, not one another: they are moved away, and where
  // they stood there are zeros. Up to 63 bytes too many are added up behind them and not used.
  memory.copy(CRC_REST, end, rest);
  memory.fill(end, 0, rest);
  fold(ieee, end, end + rest, CRC_REST - end);
  return lookUp(table, CRC_REST, CRC_REST + rest, 0);
}

/** Adds the earlier bytes to each of [at, end), which stand `shift` behind. */
function fold(ieee: u32, at: u32, end: u32, shift: u32): void {
  if (ieee) {
    for (; at < end; at += 64) {
      take(at, shift);
      take(at + 16, shift);
      take(at + 32, shift);
      take(at + 48, shift);
    }
  } else {
    for (; at < end; at += 64) {
      takeC(at, shift);
      takeC(at + 16, shift);
      takeC(at + 32, shift);
      takeC(at + 48, shift);
    }
  }
}

// @ts-ignore: decorator
@inline
function takeC(at: u32, shift: u32): void {
  const from = at - DEGREE_C;
  const far = v128.xor(v128.load(from), v128.load(from, 14));
  const middle = v128.xor(v128.load(from, 39), v128.load(from, 54));
  const near = v128.xor(v128.load(from, 144), v128.load(at + shift));
  v128.store(at + shift, v128.xor(v128.xor(far, middle), near));
}

// @ts-ignore: decorator
@inline
function take(at: u32, shift: u32): void {
  const from = at - DEGREE;
  const far = v128.xor(v128.load(from), v128.load(from, 11));
  const middle = v128.xor(v128.load(from, 19), v128.load(from, 75));
  const near = v128.xor(v128.load(from, 93), v128.load(at + shift));
  v128.store(at + shift, v128.xor(v128.xor(far, middle), near));
}

/** Slicing by 8: one look-up for each byte, eight of them independent of one another. */
function lookUp(table: u32, at: u32, end: u32, crc: u32): u32 {
  for (; at + 8 <= end; at += 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    crc = load<u32>(table + ((low << 2) & 0x3fc), 7168) ^
      load<u32>(table + ((low >>> 6) & 0x3fc), 6144) ^
      load<u32>(table + ((low >>> 14) & 0x3fc), 5120) ^
      load<u32>(table + ((low >>> 22) & 0x3fc), 4096) ^
      load<u32>(table + ((high << 2) & 0x3fc), 3072) ^
      load<u32>(table + ((high >>> 6) & 0x3fc), 2048) ^
      load<u32>(table + ((high >>> 14) & 0x3fc), 1024) ^
      load<u32>(table + ((high >>> 22) & 0x3fc));
  }
  for (; at < end; at++) {
    crc = crc >>> 8 ^ load<u32>(table + (((crc ^ load<u8>(at)) & 0xff) << 2));
  }
  return crc;
}

function fillTables(table: u32, polynomial: u32): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (polynomial & (0 - (crc & 1)));
    store<u32>(table + (byte << 2), crc);
  }
  // Table k holds what a byte makes of the register k more bytes later.
  for (let at: u32 = table + 1024; at < table + CRC_TABLE_BYTES; at += 4) {
    const crc = load<u32>(at - 1024);
    store<u32>(at, crc >>> 8 ^ load<u32>(table + ((crc & 0xff) << 2)));
  }
}
