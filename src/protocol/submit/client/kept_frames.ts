/**
 * What a session's unanswered calls carry, to be sent again on another connection.
 *
 * @module
 */

const FIRST_SLOTS = 64;
const FIRST_SLAB_BYTES = 4 * 1024;
const SLAB_BYTES = 64 * 1024;

/**
 * Payloads by the numbers of their calls, which are near to each other. They lie in slabs one behind the
 * other, so that to keep one costs a copy and no memory of its own.
 */
export class KeptFrames {
  #slabs: (Uint8Array | undefined)[] = [];
  #offsets: Uint32Array = new Uint32Array(0);
  #lengths: Uint32Array = new Uint32Array(0);
  #commands: Uint8Array = new Uint8Array(0);
  #slab: Uint8Array = new Uint8Array(0);
  #filled = 0;
  /** How many bytes are kept. */
  bytes = 0;

  /** Memory to write a payload of up to `bytes` to, from {@linkcode at} on; then {@linkcode keep}. */
  reserve(bytes: number): Uint8Array {
    if (this.#slab.length - this.#filled < bytes) {
      const usual = this.#slab.length === 0 ? FIRST_SLAB_BYTES : SLAB_BYTES;
      this.#slab = new Uint8Array(Math.max(bytes, usual));
      this.#filled = 0;
    }
    return this.#slab;
  }

  /** Where in the reserved memory the payload belongs. */
  get at(): number {
    return this.#filled;
  }

  /** Keeps the payload of the call `number`; no call before `first` is kept any more. */
  keep(number: number, first: number, command: number, bytes: number): void {
    if (number - first >= this.#slabs.length) this.#grow(first, number);
    const slot = number & (this.#slabs.length - 1);
    this.#slabs[slot] = this.#slab;
    this.#offsets[slot] = this.#filled;
    this.#lengths[slot] = bytes;
    this.#commands[slot] = command;
    this.#filled += bytes;
    this.bytes += bytes;
  }

  /** The command of a call that is kept. */
  commandOf(number: number): number {
    return this.#commands[number & (this.#commands.length - 1)]!;
  }

  /** The payload of a call that is kept. */
  payloadOf(number: number): Uint8Array {
    const slot = number & (this.#slabs.length - 1);
    const at = this.#offsets[slot]!;
    return this.#slabs[slot]!.subarray(at, at + this.#lengths[slot]!);
  }

  /** It need not be kept any more. */
  drop(number: number): void {
    const slot = number & (this.#slabs.length - 1);
    if (this.#slabs[slot] === undefined) return;
    this.#slabs[slot] = undefined;
    this.bytes -= this.#lengths[slot]!;
  }

  #grow(first: number, number: number): void {
    const old = this.#slabs.length;
    let length = Math.max(FIRST_SLOTS, old * 2);
    while (length <= number - first) length *= 2;
    const slabs: (Uint8Array | undefined)[] = new Array(length).fill(undefined);
    const offsets = new Uint32Array(length);
    const lengths = new Uint32Array(length);
    const commands = new Uint8Array(length);
    for (let n = first; old > 0 && n < number; n++) {
      const [from, to] = [n & (old - 1), n & (length - 1)];
      slabs[to] = this.#slabs[from];
      offsets[to] = this.#offsets[from]!;
      lengths[to] = this.#lengths[from]!;
      commands[to] = this.#commands[from]!;
    }
    this.#slabs = slabs;
    this.#offsets = offsets;
    this.#lengths = lengths;
    this.#commands = commands;
  }
}
