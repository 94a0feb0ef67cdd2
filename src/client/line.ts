/**
 * One connection to one server that is made again whenever it is lost.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import type { GoAwayNotice } from "../connection/connection.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import { Result } from "../protocol/submit/commands.ts";
import type { Backoff } from "./backoff.ts";
import type { ConnectedClient } from "./client.ts";

/** What a line needs. */
export interface LineConfig<Calls> {
  /** Makes the connection, within its deadline. */
  connect(signal: AbortSignal): Promise<ConnectedClient<Calls>>;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Where chance comes from, numbers in `[0, 1)`. */
  readonly random: () => number;
  /** It stands. */
  up(client: ConnectedClient<Calls>): void;
  /**
   * It was lost, or an attempt failed; the next one is made in so many milliseconds, or none is when
   * that is undefined.
   */
  down(error: Error, retryInMs: number | undefined): void;
}

/** After so many equal refusals in a row no further attempt is made. */
const MOST_REFUSALS = 2;

/** A line to a server. */
export class Line<Calls> {
  readonly #config: LineConfig<Calls>;
  readonly #ended = new AbortController();
  #timer: Timer | undefined;
  /** Connections that the server ends soon, with calls that are still under way. */
  readonly #leaving: Set<ConnectedClient<Calls>> = new Set();
  /** How the server has refused this client last, and how often in a row. */
  #refusal = "";
  #refusals = 0;
  /** The connection, while it stands. */
  client: ConnectedClient<Calls> | undefined;
  /** Why no further attempt is made: the server has refused this client, again and again. */
  refused: FramewireError | undefined;

  constructor(config: LineConfig<Calls>) {
    this.#config = config;
  }

  /** Makes the first attempt, and goes on until `end`. Settles with the first attempt. */
  async start(): Promise<void> {
    await this.#attempt();
  }

  /** Makes no more attempts. Returns the connections that still stand. */
  end(): ConnectedClient<Calls>[] {
    this.#ended.abort(new Error("the client is closed"));
    this.#timer?.cancel();
    const { client } = this;
    this.client = undefined;
    return [...this.#leaving, ...(client === undefined ? [] : [client])];
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
    this.#refusals = 0;
    this.client = client;
    client.closed.then((reason) => {
      this.#leaving.delete(client);
      if (this.client === client) this.#lost(reason.error ?? new Error(reason.message));
    });
    client.leaves = (notice) => this.#move(client, notice);
    up(client);
  }

  #lost(error: Error): void {
    const { clock, backoff, down, random } = this.#config;
    this.client = undefined;
    if (this.#ended.signal.aborted) return;
    if (this.#isFinal(error)) {
      this.refused = error;
      down(error, undefined);
      return;
    }
    backoff.lost(clock.now());
    // Who is told to come back later does, and not at the same moment as all others who were told.
    const { retryAfterMs = 0 } = isFramewireError(error) ? error : {};
    const wait = backoff.next() + retryAfterMs * (1 + random() * RETRY_AFTER_SPREAD);
    this.#again(error, wait);
  }

  /** The server ends the connection: calls go elsewhere, those under way are still answered. */
  #move(client: ConnectedClient<Calls>, { deadlineMs, spreadMs, reason }: GoAwayNotice): void {
    const { clock, backoff, random } = this.#config;
    if (this.client !== client || this.#ended.signal.aborted) return;
    this.client = undefined;
    this.#leaving.add(client);
    void client.close({ deadlineMs: Math.min(deadlineMs, MOST_LEAVING_MS) });
    backoff.lost(clock.now());
    const message = `the server ends the connection: ${reason}`;
    this.#again(new FramewireError("DRAINING", message), random() * spreadMs);
  }

  #again(error: Error, wait: number): void {
    const { clock, down } = this.#config;
    this.#timer = clock.after(wait, () => void this.#attempt());
    down(error, wait);
  }

  /** Whether the server has refused this client in the same way as often as it is asked. */
  #isFinal(error: Error): error is FramewireError {
    if (!isFramewireError(error) || !isRefusal(error)) {
      this.#refusals = 0;
      return false;
    }
    const refusal = `${error.code} ${error.result}`;
    this.#refusals = refusal === this.#refusal ? this.#refusals + 1 : 1;
    this.#refusal = refusal;
    return this.#refusals >= MOST_REFUSALS;
  }
}

/** By how much of it the wait that a server asks for is prolonged, at the most. */
const RETRY_AFTER_SPREAD = 0.5;
/** The longest time that a connection is kept on which the server has said goodbye, in milliseconds. */
const MOST_LEAVING_MS = 2 ** 31 - 1;

/**
 * Whether the server has answered that it does not take this client, which it would say again. One
 * that just closes may be a proxy whose server is down, and one that fails may have a bad day.
 */
function isRefusal({ code, result }: FramewireError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN" ||
    (result !== undefined && code === "UNSUPPORTED") ||
    (code === "RESULT_FAILED" && (result === Result.UNSUPPORTED || result === Result.MALFORMED));
}
