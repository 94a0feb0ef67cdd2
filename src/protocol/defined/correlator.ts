/**
 * Calls that wait for their replies, found by a header field or by their order.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import type { Book } from "../book.ts";
import { Fifo } from "../fifo.ts";
import type { AnyField } from "./fields/field_row.ts";

/** A packet that is answered. */
export interface Request {
  /** Its name. */
  readonly name: string;
  /** What may answer it. */
  readonly replies: readonly Request[];
}

/** A call under way. */
export interface Call {
  /** Its number in the book. */
  readonly number: number;
  /** What was sent. */
  readonly request: Request;
}

/** The value a request is found by: a number, a bigint, digits, or bytes. */
export type CallKey = number | bigint | string | Uint8Array | undefined;
/** The same as the key of a map. */
export type MapKey = number | bigint | string | undefined;

/** The values that requests are found by. */
export interface Keys {
  /** The largest number that one can stand for. */
  readonly limit: number;
  /** The one that stands for a number. */
  of(number: number): CallKey;
}

/** Those that a header field holds; `blank` is one of its values. */
export function keysOf({ width = 0, max }: AnyField, blank: unknown): Keys {
  const most = Number.MAX_SAFE_INTEGER;
  const limit = width === 0 ? most : Math.min(256 ** width - 1, most);
  if (typeof blank === "bigint") return { limit, of: BigInt };
  if (typeof blank === "string") { // decimal digits
    return {
      limit: width === 0 ? most : Math.min(10 ** width - 1, most),
      of: (number) => String(number).padStart(width, "0"),
    };
  }
  if (blank instanceof Uint8Array) { // the number, big endian, right-aligned
    return {
      limit,
      of(number) {
        const bytes = new Uint8Array(width);
        for (let i = width - 1, rest = number; i >= 0; i--, rest = Math.floor(rest / 256)) {
          bytes[i] = rest;
        }
        return bytes;
      },
    };
  }
  return { limit: max ?? most, of: (number) => number };
}

/** A value as the key of a map. */
export function mapKey(key: unknown): MapKey {
  return key instanceof Uint8Array ? String.fromCharCode(...key) : key as MapKey;
}

/** Pending calls of one side of a connection. */
export class Correlator<Reply> {
  /** What replies name their requests by; undefined where they come in their order. */
  readonly #keys: Keys | undefined;
  readonly #byKey = new Map<MapKey, Call>();
  readonly #inOrder = new Fifo<Call>();
  readonly #makeBook: () => Book<Reply>;
  /** From the first call on: most connections of a server make none. */
  #book: Book<Reply> | undefined;
  #last = 0;

  /** No calls yet. */
  constructor(keys: Keys | undefined, book: () => Book<Reply>) {
    this.#keys = keys;
    this.#makeBook = book;
  }

  /** How many calls wait. */
  get pending(): number {
    return this.#book === undefined ? 0 : this.#book.pending;
  }

  /** The calls that were made, in the order they were sent. */
  get book(): Book<Reply> {
    return this.#book ??= this.#makeBook();
  }

  /** The value of the next request's field; they count up from 1 and leave out those under way. */
  next(): CallKey {
    const keys = this.#keys;
    if (keys === undefined) return undefined;
    const { limit } = keys;
    if (this.#byKey.size >= limit) {
      throw new FramewireError(
        "WINDOW_FULL",
        `${this.#byKey.size} calls wait for their replies: the protocol can tell no more apart`,
        { outcome: "not-sent" },
      );
    }
    let key: CallKey;
    do {
      this.#last = this.#last >= limit ? 1 : this.#last + 1;
      key = keys.of(this.#last);
    } while (this.#byKey.has(mapKey(key)));
    return key;
  }

  /** A request was sent under a key. */
  wait(key: CallKey, call: Call): void {
    if (this.#keys !== undefined) this.#byKey.set(mapKey(key), call);
    else this.#inOrder.push(call);
  }

  /** A key will be used by a request that waits for room. */
  reserve(key: CallKey, request: Request): void {
    if (this.#keys !== undefined) this.#byKey.set(mapKey(key), { number: -1, request });
  }

  /** It will not be used after all. */
  release(key: CallKey): void {
    this.#byKey.delete(mapKey(key));
  }

  /** Finds the call that a packet with this key answers, and forgets it. */
  take(key: MapKey): Call | undefined {
    if (this.#keys === undefined) return this.#inOrder.shift();
    const call = this.#byKey.get(key);
    if (call !== undefined) this.#byKey.delete(key);
    return call;
  }

  /** Fails all calls. */
  failAll(lost: (outcome: "not-sent" | "unknown") => FramewireError): void {
    this.#byKey.clear();
    this.#inOrder.takeAll();
    this.#book?.failAll(lost);
  }
}
