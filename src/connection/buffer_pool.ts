/**
 * Buffers that wait for their next use: what is written, and what holds an incomplete frame, lives
 * in memory for microseconds at a time, so that an idle connection holds none.
 *
 * @module
 */

const SMALLEST_BITS = 10;
const LARGEST_BITS = 20;

/** The smallest buffer there is. */
export const LEAST_POOLED_BYTES: number = 1 << SMALLEST_BITS;

/** The largest buffer that is kept; larger ones are made for one use. */
export const LARGEST_POOLED_BYTES: number = 1 << LARGEST_BITS;

/** What is larger and cannot be kept is given back at once. */
const LARGE_BYTES = 64 << 10;

/** How much memory the pool keeps of each size, in bytes. */
const KEPT_BYTES_PER_SIZE = 2 << 20;

/**
 * Gives memory back at once, which a buffer's owner can in newer runtimes than Node 20. Else hundreds of
 * megabytes wait for the garbage collector, which does not know how short memory is: beside 200 peers that
 * hold 1 MiB each and leave, a server with a budget of 64 MiB took 140 MiB more. It is also 25 times as fast.
 * What Node 20 can do is give it to something young, which goes with the next scavenge: it took 100 MiB.
 */
const { transfer = takeOver } = ArrayBuffer.prototype as {
  transfer?: (this: ArrayBuffer, bytes: 0) => void;
};

function takeOver(this: ArrayBuffer): void {
  structuredClone(this, { transfer: [this] });
}

const shelves: Uint8Array<ArrayBuffer>[][] = Array.from(
  { length: LARGEST_BITS - SMALLEST_BITS + 1 },
  () => [],
);

function shelfOf(bytes: number): number {
  return 32 - SMALLEST_BITS - Math.clz32(Math.max(bytes, LEAST_POOLED_BYTES) - 1);
}

/**
 * Takes a buffer of at least `bytes` bytes, with old contents in it.
 *
 * @param bytes How much is needed; over {@linkcode LARGEST_POOLED_BYTES} it is made to measure.
 */
export function takeBuffer(bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes > LARGEST_POOLED_BYTES) return new Uint8Array(bytes);
  const shelf = shelfOf(bytes);
  return shelves[shelf]!.pop() ?? new Uint8Array(1 << (shelf + SMALLEST_BITS));
}

/**
 * Gives back a buffer that nobody reads or writes any more.
 *
 * @param buffer What {@linkcode takeBuffer} returned; others are left to the garbage collector.
 */
export function giveBuffer(buffer: Uint8Array): void {
  const bytes = buffer.length;
  if (bytes > LARGEST_POOLED_BYTES) return free(buffer);
  if (bytes < LEAST_POOLED_BYTES || (bytes & (bytes - 1)) !== 0) return;
  const shelf = shelves[shelfOf(bytes)]!;
  if (shelf.length * bytes < KEPT_BYTES_PER_SIZE) shelf.push(buffer as Uint8Array<ArrayBuffer>);
  else if (bytes > LARGE_BYTES) free(buffer);
}

function free({ buffer, length }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) transfer.call(buffer, 0);
}
