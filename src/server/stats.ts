/**
 * What a server counts.
 *
 * @module
 */

/** A server's figures at one moment. */
export interface ServerStats {
  /** Connections: how many are open now, and how many were accepted since the server began. */
  readonly connections: { readonly open: number; readonly accepted: number };
  /** Requests handed to handlers. */
  readonly requests: number;
  /** Replies put out. */
  readonly replies: number;
  /** Replies among them that say the request failed. */
  readonly failures: number;
  /** Bytes received. */
  readonly bytesIn: number;
  /** Bytes sent. */
  readonly bytesOut: number;
  /** Pushes dropped for peers that were too slow. */
  readonly drops: number;
  /**
   * Memory that connections hold for what is under way, in bytes; the budget, 0 for none; and how many
   * connections are not read from because of it.
   */
  readonly memory: { readonly used: number; readonly budget: number; readonly paused: number };
  /** Errors by their code, those of connections, handlers and accepting alike. */
  readonly errors: Readonly<Record<string, number>>;
  /** Connections and requests that a gate has stopped, by the gate's name. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** The figures while they grow: plain fields, so that counting is an addition. */
export class ServerCounters {
  accepted = 0;
  requests = 0;
  replies = 0;
  failures = 0;
  drops = 0;
  /** Bytes of connections that are closed; the open ones carry their own. */
  bytesIn = 0;
  bytesOut = 0;
  readonly errors: Map<string, number> = new Map();
  /** Connections and requests that a gate has stopped, by the gate's name. */
  readonly refusals: Map<string, number> = new Map();

  /** Counts an error by its code. */
  error(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** Counts what a gate has stopped. */
  refusal(gate: string): void {
    this.refusals.set(gate, (this.refusals.get(gate) ?? 0) + 1);
  }
}
