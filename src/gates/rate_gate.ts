/**
 * Rate limits: how many frames, and bytes of frames, come through to the endpoints.
 *
 * A gate stands between the decoder and the endpoint of its connection and looks at each batch once.
 * Without limits there are no gates.
 *
 * @module
 */
import type { Codec, FrameTable } from "../codec/codec.ts";
import { Begun, type FrameConsumer, type FrameParts } from "../codec/frame_consumer.ts";
import type { Clock } from "../connection/clock.ts";
import type { BatchGate, Connection } from "../connection/connection.ts";
import { FramewireError } from "../errors.ts";
import type { RateOptions } from "../options/rate.ts";
import { hostKey } from "./address_text.ts";
import { HostBuckets, RateBuckets, type RateScope } from "./rate_buckets.ts";
import { refuseAll } from "./refuse_all.ts";
import type { TokenBucket, Waiter } from "./token_bucket.ts";

/** What is done with frames over a limit. */
export type OnRate = "delay" | "busy" | "close";

/** What a gate tells the connection that it belongs to. */
export interface RateEvents {
  /** Frames are held up or refused, for the first time in an episode. */
  limited(message: string): void;
  /** Requests were refused. */
  refusedRequests(count: number): void;
}

/** The limits of a server. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #options: RateOptions;
  readonly #server: RateBuckets | undefined;
  readonly #hosts: HostBuckets | undefined;
  /** What is done with frames over a limit; it may change. */
  onRate: OnRate;

  /** Limits, all of them with full buckets. */
  constructor(options: RateOptions, onRate: OnRate, clock: Clock) {
    this.#clock = clock;
    this.#options = options;
    this.onRate = onRate;
    if (options.server !== undefined) {
      this.#server = new RateBuckets("server", clock, options.server);
    }
    if (options.ip !== undefined) this.#hosts = new HostBuckets(clock, options.ip);
  }

  /** The gate of a connection. */
  gate(connection: Connection, events: RateEvents): RateGate {
    const { connection: own } = this.#options;
    const host = hostKey(connection.ends.remote.hostname);
    const ofHost = this.#hosts?.enter(host);
    const buckets = [
      own && new RateBuckets("connection", this.#clock, own),
      ofHost,
      this.#server,
    ].filter((one) => one !== undefined);
    const left = () => {
      if (ofHost !== undefined) this.#hosts!.leave(host, ofHost);
    };
    return new RateGate(connection, this.#clock, this, buckets, events, left);
  }
}

/** Whose limits they are, in words. */
const OF: Readonly<Record<RateScope, string>> = {
  connection: "its connection",
  ip: "its address",
  server: "the server",
};

/** A bucket that is short, and how many tokens the next frame takes of it. */
interface Shortage {
  readonly scope: RateScope;
  readonly bucket: TokenBucket;
  readonly need: number;
  readonly waitMs: number;
}

/** An episode of frames over a limit is over when there was none for so long. */
const EPISODE_MS = 1000;

/** The gate of one connection. */
export class RateGate implements BatchGate, Waiter {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #limits: { readonly onRate: OnRate };
  readonly #buckets: readonly RateBuckets[];
  readonly #events: RateEvents;
  readonly #left: () => void;
  /** Who takes what it lets through. */
  endpoint!: FrameConsumer;
  need = 0;
  #parts: RatedParts | undefined;
  /** What is waited for. */
  #waitsFor: TokenBucket | undefined;
  /** When frames were over a limit the last time. */
  #lastOver = -Infinity;
  #closed = false;

  /**
   * @param limits What is done with frames over a limit.
   * @param left Called when it is no longer used.
   */
  constructor(
    connection: Connection,
    clock: Clock,
    limits: { readonly onRate: OnRate },
    buckets: readonly RateBuckets[],
    events: RateEvents,
    left: () => void,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#limits = limits;
    this.#buckets = buckets;
    this.#events = events;
    this.#left = left;
  }

  get keepsChunk(): boolean {
    return this.endpoint.keepsChunk;
  }

  set keepsChunk(keeps: boolean) {
    this.endpoint.keepsChunk = keeps;
  }

  /** {@inheritDoc FrameConsumer.skipped} */
  skipped(error: FramewireError): void {
    this.endpoint.skipped?.(error);
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { count, words } = table;
    const admitted = this.#admitted(words, count);
    if (admitted === count) return this.#deliver(codec, chunk, table, count);
    if (admitted === 0 && this.#limits.onRate === "busy") return this.#refuse(codec, chunk, table);
    const taken = admitted === 0 ? 0 : this.#deliver(codec, chunk, table, admitted);
    // Else the endpoint has no room for them either, or they will be cut anew.
    if (taken === admitted) this.#holdBack(words[admitted * 4 + 1]!);
    return taken;
  }

  /** {@inheritDoc FrameConsumer.parts} */
  get parts(): FrameParts | undefined {
    const { parts } = this.endpoint;
    if (parts === undefined) return undefined;
    if (this.#parts?.inner !== parts) this.#parts = new RatedParts(parts, this);
    return this.#parts;
  }

  /** The head of a frame has come that the endpoint may take in parts. All of it is paid for now. */
  begin(parts: FrameParts, chunk: Uint8Array, at: number, frameBytes: number): Begun {
    const shortage = this.#shortage(frameBytes);
    if (shortage === undefined) {
      const begun = parts.begin(chunk, at, frameBytes);
      if (begun === Begun.YES) this.#charge(1, frameBytes);
      return begun;
    }
    if (this.#limits.onRate === "busy") {
      this.#tell(shortage, "answered that the server is busy");
      return this.#refusing(shortage, () => parts.begin(chunk, at, frameBytes));
    }
    this.#holdBack(frameBytes);
    return Begun.LATER;
  }

  /** {@inheritDoc BatchGate.closed} */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waitsFor?.leave(this);
    this.#left();
  }

  /** {@inheritDoc Waiter.ready} */
  ready(): void {
    this.#waitsFor = undefined;
    this.#connection.resume();
  }

  /** How many of the first frames there are tokens for in all buckets. */
  #admitted(words: Int32Array, count: number): number {
    let admitted = count;
    for (const { requests, bytes } of this.#buckets) {
      if (requests !== undefined) {
        admitted = Math.min(admitted, requests.whole(requests.available(this)));
      }
      if (bytes !== undefined) {
        let tokens = bytes.available(this);
        for (let i = 0; i < admitted; i++) {
          const length = words[i * 4 + 1]!;
          if (!bytes.allows(tokens, length)) admitted = i;
          tokens -= length;
        }
      }
    }
    return admitted;
  }

  /** Gives the first frames to the endpoint; those that it takes are counted. */
  #deliver(codec: Codec, chunk: Uint8Array, table: FrameTable, admitted: number): number {
    const { count, words } = table;
    table.count = admitted;
    let taken = 0;
    try {
      taken = this.endpoint.batch(codec, chunk, table);
    } finally {
      table.count = count;
    }
    let sum = 0;
    for (let i = 0; i < taken; i++) sum += words[i * 4 + 1]!;
    this.#charge(taken, sum);
    return taken;
  }

  #charge(frames: number, length: number): void {
    for (const { requests, bytes } of this.#buckets) {
      requests?.take(frames);
      bytes?.take(length);
    }
  }

  /** There are no tokens for the next frame, of so many bytes. */
  #holdBack(length: number): void {
    if (this.#waitsFor !== undefined) return;
    const shortage = this.#shortage(length);
    if (shortage === undefined) {
      // There are again: the clock went on meanwhile.
      queueMicrotask(() => this.#connection.resume());
      return;
    }
    if (this.#limits.onRate === "close") {
      const message = `the peer sends more than the limits of ${OF[shortage.scope]} (rate)`;
      this.#tell(shortage, "closed");
      this.#events.refusedRequests(1);
      throw new FramewireError("RATE_LIMITED", message);
    }
    if (this.#limits.onRate === "busy") {
      // Those before are answered first; then the rest comes again.
      queueMicrotask(() => this.#connection.resume());
      return;
    }
    this.#tell(shortage, "not read from");
    this.need = shortage.need;
    this.#waitsFor = shortage.bucket;
    shortage.bucket.wait(this);
  }

  /** Lets the endpoint refuse the first frames, all for which there are no tokens. */
  #refuse(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { count, words } = table;
    let refused = 0;
    let first: Shortage | undefined;
    for (; refused < count; refused++) {
      const shortage = this.#shortage(words[refused * 4 + 1]!);
      if (shortage === undefined) break;
      first ??= shortage;
    }
    if (first === undefined) return this.#deliver(codec, chunk, table, 1);
    this.#tell(first, "answered that the server is busy");
    table.count = refused;
    const { endpoint } = this;
    try {
      return this.#refusing(first, () => endpoint.batch(codec, chunk, table));
    } finally {
      table.count = count;
      if (refused < count) queueMicrotask(() => this.#connection.resume());
    }
  }

  #refusing<T>({ waitMs }: Shortage, take: () => T): T {
    const retryAfterMs = Math.max(1, Math.ceil(waitMs));
    return refuseAll(retryAfterMs, take, (count) => this.#events.refusedRequests(count));
  }

  /** The bucket that makes a frame wait the longest; undefined when none does. */
  #shortage(length: number): Shortage | undefined {
    let longest: Shortage | undefined;
    for (const { scope, requests, bytes } of this.#buckets) {
      for (const [bucket, need] of [[requests, 1], [bytes, length]] as const) {
        if (bucket === undefined || bucket.allows(bucket.available(this), need)) continue;
        const waitMs = bucket.waitMs(need);
        if (longest === undefined || waitMs > longest.waitMs) {
          longest = { scope, bucket, need, waitMs };
        }
      }
    }
    return longest;
  }

  #tell({ scope }: Shortage, what: string): void {
    const now = this.#clock.now();
    const goesOn = now - this.#lastOver < EPISODE_MS;
    this.#lastOver = now;
    if (goesOn) return;
    this.#events.limited(`the peer is ${what}: it is over the limits of ${OF[scope]} (rate)`);
  }
}

/** Frames in parts, behind a gate that looks at each as it begins. */
class RatedParts implements FrameParts {
  /** Who takes them. */
  readonly inner: FrameParts;
  readonly #gate: RateGate;

  constructor(inner: FrameParts, gate: RateGate) {
    this.inner = inner;
    this.#gate = gate;
  }

  get overBytes(): number {
    return this.inner.overBytes;
  }

  get headBytes(): number {
    return this.inner.headBytes;
  }

  begin(chunk: Uint8Array, at: number, frameBytes: number): Begun {
    return this.#gate.begin(this.inner, chunk, at, frameBytes);
  }

  part(bytes: Uint8Array, left: number): void {
    this.inner.part(bytes, left);
  }

  waits(left: number): boolean {
    return this.inner.waits(left);
  }

  through(): void {
    this.inner.through();
  }
}
