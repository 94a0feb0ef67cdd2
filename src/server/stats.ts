/**
 * What a server counts and measures.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { MemoryBudget } from "../connection/memory_budget.ts";
import type { ReadonlyRoster } from "../connection/roster.ts";
import { HandlerTimes } from "../observe/handler_times.ts";
import type { TimeSummary } from "../observe/histogram.ts";
import { Meter } from "../observe/meter.ts";
import type { ServerSessions, SessionStats } from "../session/server_sessions.ts";
import type { AcceptedConnection } from "./accepted.ts";

/** A server's figures at one moment. Totals are since it began, or since `resetStats`. */
export interface ServerStats {
  /** Connections: how many are open now, and how many were accepted. */
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
  /** Sessions, their repeated requests and their pushes, since the server began; undefined without any. */
  readonly sessions: SessionStats | undefined;
  /** Requests taken and not answered yet, on all connections now. */
  readonly inFlight: number;
  /** Bytes that wait to be sent, on all connections now, and on the one that has most of them. */
  readonly queued: { readonly bytes: number; readonly mostBytes: number };
  /** What the totals grow by, per second. */
  readonly rates: ServerRates;
  /**
   * How long handlers take, by the option `handlerTimes`: `count` is how many were timed. Requests of
   * sync handlers that came together count with their mean.
   */
  readonly handlerMs: TimeSummary;
  /**
   * How late timers are called, from four measurements a second while there are connections: what else
   * keeps the event loop busy, handlers above all.
   */
  readonly loopDelayMs: TimeSummary;
  /** Since when the totals are counted, in milliseconds before now. */
  readonly elapsedMs: number;
}

/** What a server's totals grow by, per second. */
export interface ServerRates {
  /** Over how long: the last 10 seconds, or since it had no connections if that is less; in milliseconds. */
  readonly windowMs: number;
  /** Connections accepted. */
  readonly connections: number;
  /** Requests handed to handlers. */
  readonly requests: number;
  /** Replies put out. */
  readonly replies: number;
  /** Replies among them that say the request failed. */
  readonly failures: number;
  /** Errors of every code. */
  readonly errors: number;
  /** What any gate has stopped. */
  readonly refusals: number;
  /** Packets for slow peers that were dropped. */
  readonly drops: number;
  /** Bytes received. */
  readonly bytesIn: number;
  /** Bytes sent. */
  readonly bytesOut: number;
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
  /** Errors by their code. */
  readonly errors: Map<string, number> = new Map();
  /** Connections and requests that a gate has stopped, by the gate's name. */
  readonly refusals: Map<string, number> = new Map();

  /** Counts an error by its code. */
  error(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** Counts what a gate has stopped. */
  refusal(gate: string, count = 1): void {
    this.refusals.set(gate, (this.refusals.get(gate) ?? 0) + count);
  }
}

/** The totals that have rates, in the order in which they are sampled. */
const TOTALS = [
  "connections",
  "requests",
  "replies",
  "failures",
  "errors",
  "refusals",
  "drops",
  "bytesIn",
  "bytesOut",
] as const satisfies readonly (keyof ServerRates)[];

/** What stood at the last reset. Counters only grow: what counts is the difference. */
interface Base {
  readonly at: number;
  readonly totals: readonly number[];
  readonly errors: ReadonlyMap<string, number>;
  readonly refusals: ReadonlyMap<string, number>;
}

/** All figures of one server. */
export class ServerFigures {
  readonly counters: ServerCounters = new ServerCounters();
  /** Undefined when handlers are not timed. */
  readonly times: HandlerTimes | undefined;
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #connections: ReadonlyRoster<AcceptedConnection>;
  readonly #memory: MemoryBudget;
  /** Undefined where there are none. */
  sessions: ServerSessions | undefined;
  #base: Base;

  /** @param connections Those that are open. */
  constructor(
    clock: Clock,
    handlerTimes: "sampled" | "all" | "off",
    connections: ReadonlyRoster<AcceptedConnection>,
    memory: MemoryBudget,
  ) {
    this.#memory = memory;
    this.#clock = clock;
    this.#connections = connections;
    this.times = handlerTimes === "off" ? undefined : new HandlerTimes(clock, handlerTimes);
    this.#meter = new Meter(clock, () => this.#totals());
    this.#base = this.#now();
  }

  /** A connection comes. */
  begins(): void {
    if (this.#connections.size === 0) this.#meter.start();
  }

  /** A connection is closed. */
  ended(conn: AcceptedConnection): void {
    this.counters.bytesIn += conn.bytesIn;
    this.counters.bytesOut += conn.bytesOut;
    if (this.#connections.size === 0) this.#meter.stop();
  }

  /** The server is closed. */
  close(): void {
    this.#meter.stop();
  }

  /** The figures now. */
  stats(): ServerStats {
    const { counters, times } = this;
    const base = this.#base;
    const now = this.#clock.now();
    const totals = this.#totals().map((total, i) => total - base.totals[i]!);
    const [accepted, requests, replies, failures, , , drops, bytesIn, bytesOut] = totals as Totals;
    let inFlight = 0;
    let bytes = 0;
    let mostBytes = 0;
    for (const conn of this.#connections) {
      inFlight += conn.inFlight;
      bytes += conn.queuedBytes;
      mostBytes = Math.max(mostBytes, conn.queuedBytes);
    }
    const { windowMs, perSecond } = this.#meter.rates();
    const rates = Object.fromEntries(TOTALS.map((name, i) => [name, perSecond[i]!]));
    return {
      connections: { open: this.#connections.size, accepted },
      requests,
      replies,
      failures,
      bytesIn,
      bytesOut,
      errors: since(base.errors, counters.errors),
      refusals: since(base.refusals, counters.refusals),
      drops,
      sessions: this.sessions?.stats(),
      memory: {
        used: this.#memory.used,
        budget: this.#memory.limit,
        paused: this.#memory.paused,
      },
      inFlight,
      queued: { bytes, mostBytes },
      rates: { windowMs, ...rates } as unknown as ServerRates,
      handlerMs: times === undefined ? NO_TIMES : times.histogram.summary(),
      loopDelayMs: this.#meter.loopDelay.summary(),
      elapsedMs: now - base.at,
    };
  }

  /** Counts anew from now on. */
  reset(): void {
    this.#base = this.#now();
    this.times?.histogram.reset();
    this.#meter.reset();
  }

  #now(): Base {
    const { errors, refusals } = this.counters;
    const at = this.#clock.now();
    return {
      at,
      totals: this.#totals(),
      errors: new Map(errors),
      refusals: new Map(refusals),
    };
  }

  #totals(): Totals {
    const { accepted, requests, replies, failures, drops, errors, refusals } = this.counters;
    let { bytesIn, bytesOut } = this.counters;
    for (const conn of this.#connections) {
      bytesIn += conn.bytesIn;
      bytesOut += conn.bytesOut;
    }
    return [
      accepted,
      requests,
      replies,
      failures,
      sum(errors),
      sum(refusals),
      drops,
      bytesIn,
      bytesOut,
    ];
  }
}

/** As many numbers as there are {@linkcode TOTALS}. */
type Totals = [number, number, number, number, number, number, number, number, number];

const NO_TIMES: TimeSummary = {
  count: 0,
  min: 0,
  mean: 0,
  p50: 0,
  p90: 0,
  p99: 0,
  p999: 0,
  max: 0,
};

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

function since(
  base: ReadonlyMap<string, number>,
  counts: ReadonlyMap<string, number>,
): Record<string, number> {
  const differences: Record<string, number> = {};
  for (const [name, count] of counts) {
    const more = count - (base.get(name) ?? 0);
    if (more > 0) differences[name] = more;
  }
  return differences;
}
