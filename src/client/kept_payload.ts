/**
 * Payloads that are kept until their calls are answered, so that they can be sent again. Their
 * memory is the caller's own as soon as the call is made.
 *
 * @module
 */
import { copyOf } from "../codec/copy_of.ts";

/** How to get at a payload again: itself, when nobody can change it, or where its copy is. */
export type Kept = unknown;

/** The copy of a payload: memory for each costs more than the copying itself. */
class Copy {
  readonly slab: Uint8Array;
  readonly at: number;
  readonly length: number;

  constructor(slab: Uint8Array, at: number, length: number) {
    this.slab = slab;
    this.at = at;
    this.length = length;
  }
}

const SLAB_BYTES = 64 * 1024;
/** Longer payloads have memory of their own. */
const MOST_SHARED_BYTES = 4 * 1024;

/** Copies payloads one behind the other; the memory is free when none of those in it is needed. */
export class Keeper {
  #slab: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Keeps a payload as it is now. */
  keep(payload: unknown): Kept {
    if (!(payload instanceof Uint8Array)) return payload;
    const { length } = payload;
    if (length > MOST_SHARED_BYTES) return copyOf(payload);
    if (this.#at + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#at = 0;
    }
    const at = this.#at;
    this.#slab.set(payload, at);
    this.#at += length;
    return new Copy(this.#slab, at, length);
  }
}

/** The payload as it was kept. */
export function keptOf(kept: Kept): unknown {
  return kept instanceof Copy ? kept.slab.subarray(kept.at, kept.at + kept.length) : kept;
}

/**
 * What a call was made with, as it is now: bytes, lists and plain objects are copied, for their owner may
 * change them; anything else is taken as it is.
 */
export function snapshot(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return copyOf(value);
  if (Array.isArray(value)) return value.map(snapshot);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    copy[name] = snapshot((value as Readonly<Record<string, unknown>>)[name]);
  }
  return copy;
}
