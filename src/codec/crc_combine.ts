/**
 * The CRC-32C of two pieces put together, out of those of the pieces.
 *
 * A CRC is a remainder of polynomials over GF(2): that of A‖B is that of A times x^(8·|B|), plus that of
 * B. So a payload that goes to many connections behind different headers is summed up once. The
 * method is that of zlib's `crc32_combine`.
 *
 * @module
 */

/** The Castagnoli polynomial, the lowest power in the highest bit (RFC 3720, B.4). */
const POLYNOMIAL = 0x82f63b78;
const ONE = 0x80000000;
const X = 0x40000000;

/** x^(2^n); made when first needed. */
const powers: number[] = [];

/** The product of two polynomials, modulo that of the CRC. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= b;
    b = (b & 1) !== 0 ? b >>> 1 ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

/** What a CRC-32C is multiplied by when so many bytes follow: x^(8·bytes). */
export function crcShift(bytes: number): number {
  let shift = ONE;
  for (let n = 3; bytes > 0; n++, bytes = Math.floor(bytes / 2)) {
    while (powers.length <= n) {
      const last = powers.at(-1);
      powers.push(last === undefined ? X : multiply(last, last));
    }
    if (bytes % 2 === 1) shift = multiply(powers[n]!, shift);
  }
  return shift;
}

/**
 * The CRC-32C of A‖B.
 *
 * @param a The CRC-32C of A.
 * @param b The CRC-32C of B.
 * @param shift {@linkcode crcShift} of the length of B.
 */
export function combineCrc32c(a: number, b: number, shift: number): number {
  return (multiply(shift, a) ^ b) >>> 0;
}
