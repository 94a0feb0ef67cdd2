// Copies in steps of 16 bytes. Up to 15 bytes too many are read and written: each window has 64 to
// spare behind it, and what is wrong there is overwritten or never looked at.

/** From here on, memory.copy is worth its call. */
const LONG_COPY_BYTES: u32 = 512;

/** Copies from one window to the other. */
// @ts-ignore: decorator
@inline
export function copyLiterals(out: u32, from: u32, bytes: u32): void {
  if (bytes >= LONG_COPY_BYTES) {
    memory.copy(out, from, bytes);
    return;
  }
  const end = out + bytes;
  for (; out < end; out += 16, from += 16) v128.store(out, v128.load(from));
}

/**
 * Copies from `distance` before; a shorter distance than the length repeats what was copied.
 */
export function copyMatch(out: u32, distance: u32, bytes: u32): void {
  const end = out + bytes;
  if (distance < 16) {
    // The first 16 bytes one by one; from there on any multiple of the distance serves.
    const first = min(end, out + 16);
    for (; out < first; out++) store<u8>(out, load<u8>(out - distance));
    distance *= (15 + distance) / distance;
  }
  for (; out < end; out += 16) v128.store(out, v128.load(out - distance));
}
