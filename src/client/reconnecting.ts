/**
 * A client that stays: it holds connections to one server or several, makes them again when they are
 * lost, and sends each call to one that stands.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { CloseReason } from "../connection/connection.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import type { Address, TlsInfo } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import { type CallOptions, cancelled, deadlineExceeded } from "../protocol/call_limits.ts";
import { BACKOFF, Backoff } from "./backoff.ts";
import { type Balancer, BALANCERS, type Candidate } from "./balancer/mod.ts";
import type { Client, CloseOptions, ConnectedClient } from "./client.ts";
import { Line } from "./line.ts";
import { OUTLIER, OutlierDetector } from "./outlier.ts";
import { keyOf } from "./resolver.ts";
import { mayRetry } from "./retry.ts";
import { RETRY_BUDGET, RetryBudget } from "./retry_budget.ts";
import type { Target } from "./url.ts";

/** How a client stands: no connection yet, at least one, none any more, closed by the program. */
export type ClientStatus = "connecting" | "up" | "down" | "closed";

/** What a status listener is told. */
export interface StatusEvent {
  /** How the client stands now. */
  readonly status: ClientStatus;
  /** The server whose connection came or went, `host:port`; undefined when the client was closed. */
  readonly server?: string;
  /** Why it went. */
  readonly error?: Error;
  /** When the next attempt is made, in milliseconds from now. */
  readonly retryInMs?: number;
}

/** A client that connects again by itself. */
export interface ReconnectingClient extends Client {
  /** How it stands. */
  readonly status: ClientStatus;
  /**
   * Calls back whenever a connection comes or goes.
   *
   * @returns A function that takes the listener away.
   */
  on(event: "status", listener: (event: StatusEvent) => void): () => void;
}

/** One server with its lines. */
class Server<Calls> implements Candidate {
  readonly key: string;
  readonly lines: Line<Calls>[] = [];
  weight = 1;
  readonly latencyMs = 0;

  constructor(target: Target) {
    this.key = keyOf(target);
  }

  get pending(): number {
    let pending = 0;
    for (const { client } of this.lines) pending += client?.pending ?? 0;
    return pending;
  }

  /** The connection with the fewest calls under way, if one stands. */
  get best(): ConnectedClient<Calls> | undefined {
    let best: ConnectedClient<Calls> | undefined;
    for (const { client } of this.lines) {
      if (client?.open && (best === undefined || client.pending < best.pending)) best = client;
    }
    return best;
  }
}

/** A call's way to its answer, over one attempt or several. */
interface Way {
  readonly options: CallOptions;
  readonly dueMs: number;
  readonly backoff: Backoff;
  /** The first failure that may have reached a server: what the caller must know in the end. */
  unknown?: Error;
  /** The server that failed last. */
  failed?: string;
}

/** How long a call waits before it is made again, at first and at the most, in milliseconds. */
const RETRY = { minMs: 10, maxMs: 1000, stableMs: Infinity };

/** The client behind {@linkcode ReconnectingClient}: everything but its protocol's calls. */
export class StayingClient<Calls extends object> implements ReconnectingClient {
  readonly #options: ResolvedClientOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #servers: readonly Server<Calls>[];
  readonly #balancer: Balancer;
  readonly #outliers: OutlierDetector;
  readonly #budget: RetryBudget;
  readonly #listeners = new Set<(event: StatusEvent) => void>();
  /** Calls that wait for a connection. */
  readonly #waiting = new Set<() => void>();
  #up: readonly Server<Calls>[] = [];
  #status: ClientStatus = "connecting";
  #last:
    | { readonly remote: Address; readonly local: Address; readonly tls: TlsInfo | undefined }
    | undefined;
  #close!: (reason: CloseReason) => void;
  readonly closed: Promise<CloseReason> = new Promise((resolve) => this.#close = resolve);

  constructor(
    targets: readonly Target[],
    options: ResolvedClientOptions,
    clock: Clock,
    connect: (target: Target, signal: AbortSignal) => Promise<ConnectedClient<Calls>>,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#balancer = BALANCERS[options.balancer](this.#random);
    this.#outliers = new OutlierDetector(OUTLIER, clock.now());
    this.#budget = new RetryBudget(RETRY_BUDGET, clock.now());
    this.#servers = targets.map((target) => {
      const server = new Server<Calls>(target);
      for (let i = 0; i < options.connectionsPerServer; i++) {
        server.lines.push(
          new Line<Calls>({
            connect: (signal) => connect(target, signal),
            clock,
            backoff: new Backoff({
              ...BACKOFF,
              minMs: options.backoffMinMs,
              maxMs: options.backoffMaxMs,
            }, this.#random),
            up: (client) => this.#changed(server, { client }),
            down: (error, retryInMs) => this.#changed(server, { error, retryInMs }),
          }),
        );
      }
      return server;
    });
    this.#outliers.members(this.#servers.map(({ key }) => key));
  }

  /** Makes the first attempts; settles when one connection stands, or all have failed once. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal, firstConnect } = this.#options;
      let last: Error | undefined;
      const settle = () => {
        stop();
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: unknown) => {
        settle();
        void this.close({ deadlineMs: 0 });
        reject(error);
      };
      const abort = () => fail(signal!.reason);
      const stop = this.on("status", ({ status, error }) => {
        last = error;
        if (status !== "up") return;
        settle();
        resolve();
      });
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      const lines = this.#servers.flatMap((server) => server.lines);
      Promise.all(lines.map((line) => line.start())).then(() => {
        if (this.#status === "connecting" && firstConnect === "fail") fail(last);
      });
    });
  }

  /** The connections that stand. */
  get clients(): readonly ConnectedClient<Calls>[] {
    return this.#servers.flatMap(({ lines }) =>
      lines.flatMap(({ client }) => client?.open ? [client] : [])
    );
  }

  get status(): ClientStatus {
    return this.#status;
  }

  get open(): boolean {
    return this.#status !== "closed";
  }

  get pending(): number {
    return this.#servers.reduce((sum, { pending }) => sum + pending, this.#waiting.size);
  }

  get remote(): Address {
    return this.#last!.remote;
  }

  get tls(): TlsInfo | undefined {
    return this.#last!.tls;
  }

  get local(): Address {
    return this.#last!.local;
  }

  on(_event: "status", listener: (event: StatusEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Makes a call: on a connection that stands, again on another where that is safe.
   *
   * @param make Makes it on an endpoint. `leftMs` is what is left of its time, when some has passed.
   */
  call<T>(
    make: (endpoint: Calls, leftMs: number | undefined) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const { timeoutMs = this.#options.requestTimeoutMs } = options;
    const now = this.#clock.now();
    this.#budget.called();
    const way: Way = {
      options,
      dueMs: timeoutMs > 0 ? now + timeoutMs : Infinity,
      backoff: new Backoff(RETRY, this.#random),
    };
    const server = this.#pick(way, now);
    return server === undefined
      ? this.#later(make, way)
      : this.#attempt(make, way, server, undefined);
  }

  async close({ deadlineMs = 5000 }: CloseOptions = {}): Promise<void> {
    if (this.#status !== "closed") {
      this.#status = "closed";
      const clients = this.#servers.flatMap(({ lines }) => lines.map((line) => line.end()));
      for (const wake of [...this.#waiting]) wake();
      await Promise.all(clients.map((client) => client?.close({ deadlineMs })));
      this.#tell({ status: "closed" });
      this.#close({ code: "CLOSED", message: "the client was closed by this program" });
    }
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(
    server: Server<Calls>,
    event: { client?: ConnectedClient<Calls>; error?: Error; retryInMs?: number },
  ): void {
    if (this.#status === "closed") return;
    const { client, ...told } = event;
    if (client !== undefined) {
      this.#last = { remote: client.remote, local: client.local, tls: client.tls };
    }
    this.#up = this.#servers.filter(({ lines }) => lines.some((line) => line.client?.open));
    if (this.#up.length > 0) this.#status = "up";
    else if (this.#status === "up") this.#status = "down";
    this.#tell({ status: this.#status, server: server.key, ...told });
    if (this.#up.length > 0) { for (const wake of [...this.#waiting]) wake(); }
  }

  #tell(event: StatusEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** The server for a call: not one that is left alone, nor the one where it has just failed. */
  #pick({ options, failed }: Way, now: number): Server<Calls> | undefined {
    const up = this.#up;
    if (up.length <= 1) return up[0]?.best === undefined ? undefined : up[0];
    const outliers = this.#outliers;
    let able = up.filter(({ key, best }) => best !== undefined && outliers.allows(key, now));
    if (able.length === 0) able = up.filter(({ best }) => best !== undefined);
    const others = able.filter(({ key }) => key !== failed);
    if (others.length > 0) able = others;
    for (const server of able) server.weight = outliers.weight(server.key, now);
    return able.length === 0 ? undefined : this.#balancer.pick(able, options.key);
  }

  #attempt<T>(
    make: (endpoint: Calls, leftMs: number | undefined) => Promise<T>,
    way: Way,
    server: Server<Calls>,
    leftMs: number | undefined,
  ): Promise<T> {
    const { key } = server;
    this.#outliers.began(key, this.#clock.now());
    return make(server.best!.endpoint(), leftMs).then((value) => {
      this.#outliers.ended(key, true, this.#clock.now());
      return value;
    }, (error) => {
      const outcome = isFramewireError(error) ? error.outcome : undefined;
      if (isFramewireError(error, "CANCELLED")) this.#outliers.forgot(key);
      else this.#outliers.ended(key, outcome === "answered", this.#clock.now());
      if (outcome === "unknown") way.unknown ??= error;
      if (outcome === "answered") throw error;
      if (!mayRetry(error, way.options)) throw way.unknown ?? error;
      way.failed = key;
      return this.#again(make, way, error);
    });
  }

  /** Makes a call again that failed, when time, budget and the client allow it. */
  async #again<T>(
    make: (endpoint: Calls, leftMs: number | undefined) => Promise<T>,
    way: Way,
    error: Error,
  ): Promise<T> {
    const now = this.#clock.now();
    const wait = way.backoff.next();
    if (this.#status === "closed" || now + wait >= way.dueMs || !this.#budget.take(now)) {
      throw way.unknown ?? error;
    }
    await new Promise<void>((resolve) => void this.#clock.after(wait, resolve));
    const server = !this.open ? undefined : this.#pick(way, this.#clock.now());
    if (server === undefined) return await this.#later(make, way);
    return await this.#attempt(make, way, server, this.#left(way));
  }

  /** What is left of a call's time. */
  #left({ dueMs }: Way): number | undefined {
    return dueMs === Infinity ? undefined : Math.max(1, dueMs - this.#clock.now());
  }

  /** Waits for a connection, then makes the call. */
  #later<T>(
    make: (endpoint: Calls, leftMs: number | undefined) => Promise<T>,
    way: Way,
  ): Promise<T> {
    const { signal, timeoutMs = this.#options.requestTimeoutMs } = way.options;
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error) => {
        settle();
        reject(way.unknown ?? error);
      };
      const abort = () => fail(cancelled(signal!.reason, "not-sent"));
      const timer = way.dueMs === Infinity ? undefined : this.#clock.after(
        Math.max(0, way.dueMs - this.#clock.now()),
        () => fail(deadlineExceeded(timeoutMs, "not-sent")),
      );
      const settle = () => {
        timer?.cancel();
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
      };
      const wake = () => {
        if (this.#status === "closed") return fail(closedByProgram());
        const server = this.#pick(way, this.#clock.now());
        if (server === undefined) return;
        settle();
        resolve(this.#attempt(make, way, server, this.#left(way)));
      };
      const { maxQueued } = this.#options;
      if (this.#status === "closed") return fail(closedByProgram());
      if (signal?.aborted) return abort();
      if (this.#waiting.size >= maxQueued) {
        const message = `${maxQueued} calls wait for a connection (maxQueued)`;
        return fail(new FramewireError("WINDOW_FULL", message, { outcome: "not-sent" }));
      }
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(wake);
    });
  }
}

function closedByProgram(): FramewireError {
  const message = "the client was closed by this program";
  return new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" });
}
