/**
 * One connection to one server that is made again whenever it is lost.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import type { Backoff } from "./backoff.ts";
import type { ConnectedClient } from "./client.ts";

/** What a line needs. */
export interface LineConfig<Calls> {
  /** Makes the connection, within its deadline. */
  connect(signal: AbortSignal): Promise<ConnectedClient<Calls>>;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** It stands. */
  up(client: ConnectedClient<Calls>): void;
  /** It was lost, or an attempt failed; the next one is made in so many milliseconds. */
  down(error: Error, retryInMs: number): void;
}

/** A line to a server. */
export class Line<Calls> {
  readonly #config: LineConfig<Calls>;
  readonly #ended = new AbortController();
  #timer: Timer | undefined;
  /** The connection, while it stands. */
  client: ConnectedClient<Calls> | undefined;

  constructor(config: LineConfig<Calls>) {
    this.#config = config;
  }

  /** Makes the first attempt, and goes on until `end`. Settles with the first attempt. */
  async start(): Promise<void> {
    await this.#attempt();
  }

  /** Makes no more attempts. Returns the connection, if it stands. */
  end(): ConnectedClient<Calls> | undefined {
    this.#ended.abort(new Error("the client is closed"));
    this.#timer?.cancel();
    const { client } = this;
    this.client = undefined;
    return client;
  }

  async #attempt(): Promise<void> {
    const { connect, clock, backoff, up } = this.#config;
    const { signal } = this.#ended;
    let client: ConnectedClient<Calls>;
    try {
      client = await connect(signal);
    } catch (error) {
      this.#lost(error as Error);
      return;
    }
    if (signal.aborted) {
      void client.close({ deadlineMs: 0 });
      return;
    }
    backoff.connected(clock.now());
    this.client = client;
    client.closed.then((reason) => {
      if (this.client === client) this.#lost(reason.error ?? new Error(reason.message));
    });
    up(client);
  }

  #lost(error: Error): void {
    const { clock, backoff, down } = this.#config;
    this.client = undefined;
    if (this.#ended.signal.aborted) return;
    backoff.lost(clock.now());
    const wait = backoff.next();
    this.#timer = clock.after(wait, () => void this.#attempt());
    down(error, wait);
  }
}
