/**
 * A client that stays: it holds connections to one server or several, makes them again when they are
 * lost, and sends each call to one that stands.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { CloseReason } from "../connection/connection.ts";
import { FramewireError } from "../errors.ts";
import type { Address, TlsInfo } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import { BACKOFF, Backoff } from "./backoff.ts";
import { CallRouter } from "./call_router.ts";
import type { CloseOptions, ConnectedClient } from "./client.ts";
import { Following } from "./following.ts";
import { Line } from "./line.ts";
import { Member } from "./member.ts";
import { keyOf, type Resolver } from "./resolver.ts";
import type { ClientStatus, ReconnectingClient, StatusEvent } from "./status.ts";
import type { Target } from "./url.ts";

/** What a client is told that stays. */
export interface StayingConfig<Calls> {
  readonly options: ResolvedClientOptions;
  readonly clock: Clock;
  /** Where its servers are. */
  readonly resolver: Resolver;
  /** Connects to one of them. */
  connect(target: Target, signal: AbortSignal): Promise<ConnectedClient<Calls>>;
}

/** How long calls under way on a server may take that is on the list no more, in milliseconds. */
const GONE_MS = 60_000;

/** The client behind {@linkcode ReconnectingClient}: everything but its protocol's calls. */
export class StayingClient<Calls extends object> implements ReconnectingClient {
  readonly #config: StayingConfig<Calls>;
  readonly #random: () => number;
  readonly #following: Following;
  readonly #listeners = new Set<(event: StatusEvent) => void>();
  /** Makes its calls. */
  readonly router: CallRouter<Calls>;
  #members: readonly Member<Calls>[] = [];
  /** Connections to servers that are on the list no more, with calls under way. */
  readonly #gone: Set<ConnectedClient<Calls>> = new Set();
  #status: ClientStatus = "connecting";
  #last:
    | { readonly remote: Address; readonly local: Address; readonly tls: TlsInfo | undefined }
    | undefined;
  #close!: (reason: CloseReason) => void;
  readonly closed: Promise<CloseReason> = new Promise((resolve) => this.#close = resolve);

  constructor(config: StayingConfig<Calls>) {
    const { options, clock, resolver } = config;
    this.#config = config;
    this.#random = options.random ?? Math.random;
    this.router = new CallRouter(options, clock, this.#random);
    this.#following = new Following(resolver, {
      clock,
      backoff: this.#backoff(),
      timeoutMs: options.connectTimeoutMs,
      changed: (targets) => void this.#update(targets),
      failed: (error, retryInMs) => this.#tell({ status: this.#status, error, retryInMs }),
    });
  }

  /** Makes the first attempts; settles when one connection stands, or all have failed once. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal, firstConnect } = this.#config.options;
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
        if (status === "closed") return fail(error);
        if (status !== "up") return;
        settle();
        resolve();
      });
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      const tried = () => {
        if (this.#status === "connecting" && firstConnect === "fail") fail(last);
      };
      this.#following.start(firstConnect === "wait").then(
        (targets) => this.#update(targets).then(tried),
        fail,
      );
    });
  }

  /** The connections that stand. */
  get clients(): readonly ConnectedClient<Calls>[] {
    return this.#members.flatMap(({ lines }) =>
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
    return this.#members.reduce((sum, { pending }) => sum + pending, this.router.waiting);
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

  async close({ deadlineMs = 5000 }: CloseOptions = {}): Promise<void> {
    const message = "the client was closed by this program";
    const error = new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" });
    await this.#end({ code: "CLOSED", message }, error, { status: "closed" }, deadlineMs);
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** No connection is made any more; what calls still wait for fails with `error`. */
  async #end(
    reason: CloseReason,
    error: FramewireError,
    event: StatusEvent,
    deadlineMs: number,
  ): Promise<void> {
    if (this.#status === "closed") return;
    this.#status = "closed";
    this.#following.end();
    const lines = this.#members.flatMap((member) => member.lines);
    const clients = [...this.#gone, ...lines.flatMap((line) => line.end())];
    this.router.end(error);
    await Promise.all(clients.map((client) => client.close({ deadlineMs })));
    this.#tell(event);
    this.#close(reason);
  }

  #backoff(): Backoff {
    const { backoffMinMs: minMs, backoffMaxMs: maxMs } = this.#config.options;
    return new Backoff({ ...BACKOFF, minMs, maxMs }, this.#random);
  }

  /** These are the servers now. Settles when each new one was tried once. */
  async #update(targets: readonly Target[]): Promise<void> {
    if (this.#status === "closed") return;
    const before = new Map(this.#members.map((member) => [member.key, member]));
    const made: Member<Calls>[] = [];
    this.#members = targets.map((target) => {
      const key = keyOf(target);
      const known = before.get(key);
      before.delete(key);
      if (known !== undefined) return known;
      const member = this.#member(target);
      made.push(member);
      return member;
    });
    this.router.members(this.#members);
    for (const { lines } of before.values()) {
      for (const client of lines.flatMap((line) => line.end())) {
        this.#gone.add(client);
        void client.close({ deadlineMs: GONE_MS }).then(() => this.#gone.delete(client));
      }
    }
    if (before.size > 0) this.#look();
    await Promise.all(made.flatMap(({ lines }) => lines.map((line) => line.start())));
  }

  #member(target: Target): Member<Calls> {
    const { options, clock, connect } = this.#config;
    const member = new Member<Calls>(target, clock.now());
    for (let i = 0; i < options.connectionsPerServer; i++) {
      member.lines.push(
        new Line<Calls>({
          connect: (signal) => connect(target, signal),
          clock,
          backoff: this.#backoff(),
          random: this.#random,
          up: (client) => {
            this.#last = { remote: client.remote, local: client.local, tls: client.tls };
            this.#changed(member, {});
          },
          down: (error, retryInMs) => {
            this.#changed(member, { error, ...(retryInMs !== undefined && { retryInMs }) });
            this.#following.again();
            if (retryInMs === undefined) this.#refused();
          },
        }),
      );
    }
    return member;
  }

  #changed(member: Member<Calls>, event: { error?: Error; retryInMs?: number }): void {
    if (this.#status === "closed") return;
    this.#look();
    this.#tell({ status: this.#status, server: member.key, ...event });
  }

  /** Looks which connections stand. */
  #look(): void {
    const isUp = this.#members.some((member) => member.open);
    if (isUp) this.#status = "up";
    else if (this.#status === "up") this.#status = "down";
    this.router.changed(this.#members);
  }

  /** A server takes this client never again. When none does, that is the end. */
  #refused(): void {
    const lines = this.#members.flatMap(({ lines }) => lines);
    const refusal = lines[0]?.refused;
    if (refusal === undefined || lines.some(({ refused }) => refused === undefined)) return;
    const { code, message: said, result } = refusal;
    const message = `no further attempt is made, since the server refuses this client: ${said}`;
    const detail = { cause: refusal, ...(result !== undefined && { result }) };
    const error = new FramewireError(code, message, { outcome: "not-sent", ...detail });
    this.stop(error);
  }

  /** This client is at its end, and `error` says why. */
  stop(error: FramewireError): void {
    const { code, message } = error;
    void this.#end({ code, message, error }, error, { status: "closed", error }, 0);
  }

  #tell(event: StatusEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
