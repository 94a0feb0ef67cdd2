/**
 * Copies of bytes that a program goes on with.
 *
 * @module
 */

/**
 * The same bytes in memory of their own. `slice` is not enough for what a program gives: that of Node's
 * `Buffer` is a view, whose bytes change with the program's.
 */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
