/**
 * Following a list of servers: it is asked for, and again when servers fail, or tells by itself.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import type { Backoff } from "./backoff.ts";
import { type Resolver, unique } from "./resolver.ts";
import type { Target } from "./url.ts";

/** What is told. */
export interface FollowingConfig {
  readonly clock: Clock;
  /** The waits when it cannot be told where the servers are. */
  readonly backoff: Backoff;
  /** How long it may take to tell, in milliseconds. */
  readonly timeoutMs: number;
  /** These are the servers from now on. */
  changed(targets: readonly Target[]): void;
  /** It could not be told; it is asked for again in so many milliseconds. */
  failed(error: Error, retryInMs: number): void;
}

/** A list is not asked for again sooner than this after the last time, in milliseconds. */
const LEAST_MS = 1000;

/** Follows one resolver. */
export class Following {
  readonly #resolver: Resolver;
  readonly #config: FollowingConfig;
  readonly #ended = new AbortController();
  #stop: (() => void) | undefined;
  #timer: Timer | undefined;
  #asking = false;
  #failed = false;

  constructor(resolver: Resolver, config: FollowingConfig) {
    this.#resolver = resolver;
    this.#config = config;
  }

  /**
   * Asks for the list for the first time.
   *
   * @param patient Whether to ask until it comes; otherwise the first failure rejects.
   */
  async start(patient: boolean): Promise<readonly Target[]> {
    const { clock, backoff, failed, changed } = this.#config;
    this.#stop = this.#resolver.watch?.((targets) => {
      if (!this.#ended.signal.aborted && targets.length > 0) changed(unique(targets));
    });
    for (;;) {
      try {
        return await this.#ask();
      } catch (error) {
        if (!patient || this.#ended.signal.aborted) throw error;
        const wait = backoff.next();
        failed(error as Error, wait);
        await new Promise<void>((resolve) => this.#timer = clock.after(wait, resolve));
      }
    }
  }

  /**
   * A server has failed: there may be others by now.
   *
   * @returns In how many milliseconds the list is asked for, unless that was settled before.
   */
  again(): number | undefined {
    if (this.#stop !== undefined || this.#asking || this.#ended.signal.aborted) return undefined;
    const { clock, backoff, changed, failed } = this.#config;
    this.#asking = true;
    const wait = LEAST_MS + (this.#failed ? backoff.next() : 0);
    this.#timer = clock.after(wait, () => {
      this.#ask().then((targets) => {
        this.#asking = this.#failed = false;
        changed(targets);
      }, (error) => {
        this.#asking = false;
        this.#failed = true;
        if (this.#ended.signal.aborted) return;
        failed(error, this.again()!);
      });
    });
    return wait;
  }

  /** Asks no more. */
  end(): void {
    this.#ended.abort(new Error("the client is closed"));
    this.#timer?.cancel();
    this.#stop?.();
  }

  /** Asks once; whoever does not answer in time is not waited for. */
  async #ask(): Promise<readonly Target[]> {
    const { clock, timeoutMs } = this.#config;
    const ended = this.#ended.signal;
    ended.throwIfAborted();
    const asking = new AbortController();
    const end = () => asking.abort(ended.reason);
    ended.addEventListener("abort", end, { once: true });
    const timer = clock.after(timeoutMs, () => {
      const message = `the resolver did not answer within ${timeoutMs} ms (connectTimeoutMs)`;
      asking.abort(new FramewireError("CONNECT_TIMEOUT", message));
    });
    try {
      const found = await new Promise<readonly Target[]>((resolve, reject) => {
        asking.signal.addEventListener("abort", () => reject(asking.signal.reason), { once: true });
        this.#resolver.resolve(asking.signal).then(resolve, reject);
      });
      const targets = unique(found);
      if (targets.length > 0) return targets;
      throw new FramewireError("HOST_UNREACHABLE", "the resolver found no server");
    } finally {
      timer.cancel();
      ended.removeEventListener("abort", end);
    }
  }
}
