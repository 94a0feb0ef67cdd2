/**
 * Calls that wait for their replies, found by a header field or by their order.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import type { CallBook } from "../call_book.ts";
import { Fifo } from "../fifo.ts";
import type { HeaderCodec } from "./header.ts";
import type { DefinedPacket } from "./packet.ts";
import type { PacketType } from "./packet_type.ts";

/** A call under way. */
export interface Call {
  /** Its number in the book. */
  readonly number: number;
  /** What was sent. */
  readonly request: PacketType;
}

/** The value a request is found by: a number, a bigint, digits, or bytes. */
export type CallKey = number | bigint | string | Uint8Array | undefined;

/** Pending calls of one side of a connection. */
export class Correlator {
  readonly #header: HeaderCodec;
  /** Whether replies name their request. */
  readonly correlated: boolean;
  readonly #byKey = new Map<number | bigint | string, Call>();
  readonly #inOrder = new Fifo<Call>();
  readonly #makeBook: () => CallBook<DefinedPacket>;
  /** From the first call on: most connections of a server make none. */
  #book: CallBook<DefinedPacket> | undefined;
  #last = 0;

  /** No calls yet. */
  constructor(header: HeaderCodec, correlated: boolean, book: () => CallBook<DefinedPacket>) {
    this.#header = header;
    this.correlated = correlated;
    this.#makeBook = book;
  }

  /** How many calls wait. */
  get pending(): number {
    return this.#book === undefined ? 0 : this.#book.pending;
  }

  /** The calls that were made, in the order they were sent. */
  get book(): CallBook<DefinedPacket> {
    return this.#book ??= this.#makeBook();
  }

  /** The value of the next request's field; they count up from 1 and leave out those under way. */
  next(): CallKey {
    if (!this.correlated) return undefined;
    const max = this.#header.correlateLimit;
    if (this.#byKey.size >= max) {
      throw new FramewireError(
        "WINDOW_FULL",
        `${this.#byKey.size} calls wait for their replies: the protocol can tell no more apart`,
        { outcome: "not-sent" },
      );
    }
    let key: Exclude<CallKey, undefined>;
    do {
      this.#last = this.#last >= max ? 1 : this.#last + 1;
      key = this.#value(this.#last);
    } while (this.#byKey.has(asMapKey(key)));
    return key;
  }

  /** A request was sent under a key. */
  wait(key: CallKey, call: Call): void {
    if (this.correlated) this.#byKey.set(asMapKey(key!), call);
    else this.#inOrder.push(call);
  }

  /** A key will be used by a request that waits for room. */
  reserve(key: CallKey, request: PacketType): void {
    if (this.correlated) this.#byKey.set(asMapKey(key!), { number: -1, request });
  }

  /** It will not be used after all. */
  release(key: CallKey): void {
    if (this.correlated) this.#byKey.delete(asMapKey(key!));
  }

  /** Finds the call that a packet answers, and forgets it. */
  take(chunk: Uint8Array, start: number, end: number): Call | undefined {
    if (!this.correlated) return this.#inOrder.shift();
    const key = this.#header.keyOf(chunk, start, end);
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

  #value(number: number): Exclude<CallKey, undefined> {
    const width = this.#header.correlateWidth;
    switch (this.#header.correlateType) {
      case "number":
        return number;
      case "bigint":
        return BigInt(number);
      case "text": // decimal digits
        return String(number).padStart(width, "0");
      case "bytes": {
        // The number, big endian, right-aligned.
        const bytes = new Uint8Array(width);
        for (let i = width - 1, rest = number; i >= 0 && rest > 0; i--) {
          bytes[i] = rest % 256;
          rest = Math.floor(rest / 256);
        }
        return bytes;
      }
    }
  }
}

function asMapKey(key: Exclude<CallKey, undefined>): number | bigint | string {
  return key instanceof Uint8Array ? String.fromCharCode(...key) : key;
}
