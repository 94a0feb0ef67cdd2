/**
 * Servers that fail more than others are left alone for a while, tried with one call, and then come
 * back slowly.
 *
 * ```
 *  state      event                                     next state   what is done
 *  ---------  ----------------------------------------  -----------  ---------------------------------
 *  HEALTHY    run of failures, success rate under the   EJECTED      no calls, for longer each time
 *             others'
 *  EJECTED    its time is over                          PROBING      one call at a time
 *  PROBING    a call fails                              EJECTED      no calls, for twice as long
 *  PROBING    enough calls succeed                      HEALTHY      its share grows slowly
 * ```
 *
 * @module
 */

/** The states of a server. */
export const Health = { HEALTHY: 0, EJECTED: 1, PROBING: 2 } as const;
/** One of the states of {@linkcode Health}. */
export type Health = (typeof Health)[keyof typeof Health];

/** When servers are ejected, and how they come back. */
export interface OutlierOptions {
  /** Failures in a row that eject. */
  readonly consecutiveFailures: number;
  /** Success rates are compared this often, in milliseconds. */
  readonly intervalMs: number;
  /** Calls that a server needs in one interval for its rate to count. */
  readonly minimumCalls: number;
  /** A rate is too low when it is this many standard deviations under the mean of the others … */
  readonly deviations: number;
  /** … and at least this much under it, so that 99 % is not thrown out among 100 %. */
  readonly minimumGap: number;
  /** The first ejection, in milliseconds; each further one is twice as long. */
  readonly ejectionMs: number;
  /** The longest ejection, in milliseconds. */
  readonly maxEjectionMs: number;
  /** At most this share of the servers is ejected at a time. */
  readonly maxEjected: number;
  /** Probes that must succeed, one after the other. */
  readonly probes: number;
  /** How long a server that is back takes to its full share, in milliseconds. */
  readonly slowStartMs: number;
}

/** The defaults. */
export const OUTLIER: OutlierOptions = {
  consecutiveFailures: 5,
  intervalMs: 10_000,
  minimumCalls: 20,
  deviations: 1.9,
  minimumGap: 0.2,
  ejectionMs: 1_000,
  maxEjectionMs: 60_000,
  maxEjected: 0.5,
  probes: 1,
  slowStartMs: 10_000,
};

/** The share that a server begins with when it is back. */
const FIRST_WEIGHT = 0.1;

/** What is known of one server. */
export class ServerHealth {
  state: Health = Health.HEALTHY;
  /** Failures since the last success. */
  run = 0;
  successes = 0;
  failures = 0;
  /** Ejections without a healthy interval between them. */
  ejections = 0;
  ejectedUntilMs = 0;
  probing = 0;
  probed = 0;
  /** When it came back; undefined when it never was away, or has its full share. */
  returnedMs: number | undefined;
}

/** Watches the servers of one client. */
export class OutlierDetector {
  readonly #options: OutlierOptions;
  readonly #servers = new Map<string, ServerHealth>();
  #comparedMs: number;

  constructor(options: OutlierOptions, nowMs: number) {
    this.#options = options;
    this.#comparedMs = nowMs;
  }

  /** The servers of now; what was known of others is forgotten. */
  members(keys: Iterable<string>): void {
    const now = new Set(keys);
    for (const key of this.#servers.keys()) if (!now.has(key)) this.#servers.delete(key);
    for (const key of now) if (!this.#servers.has(key)) this.#servers.set(key, new ServerHealth());
  }

  /** The state of a server. */
  state(key: string, nowMs: number): Health {
    const server = this.#servers.get(key);
    if (server === undefined) return Health.HEALTHY;
    if (server.state === Health.EJECTED && nowMs >= server.ejectedUntilMs) {
      server.state = Health.PROBING;
      server.probing = server.probed = 0;
    }
    return server.state;
  }

  /** Whether a call may go there: to one that is probed, one at a time. */
  allows(key: string, nowMs: number): boolean {
    const state = this.state(key, nowMs);
    return state === Health.HEALTHY ||
      (state === Health.PROBING && this.#servers.get(key)!.probing === 0);
  }

  /** Its share, over 0 and up to 1. */
  weight(key: string, nowMs: number): number {
    const since = this.#servers.get(key)?.returnedMs;
    if (since === undefined) return 1;
    const grown = (nowMs - since) / this.#options.slowStartMs;
    return Math.min(1, FIRST_WEIGHT + (1 - FIRST_WEIGHT) * Math.max(0, grown));
  }

  /** It was gone for a while, and is there again: its share grows slowly. */
  returned(key: string, nowMs: number): void {
    const server = this.#servers.get(key);
    if (server?.state === Health.HEALTHY) this.#return(server, nowMs);
  }

  /** A call goes there. */
  began(key: string, nowMs: number): void {
    if (this.state(key, nowMs) === Health.PROBING) this.#servers.get(key)!.probing++;
  }

  /** A call there came to its end. */
  ended(key: string, succeeded: boolean, nowMs: number): void {
    const server = this.#servers.get(key);
    if (server === undefined) return;
    const state = this.state(key, nowMs);
    if (state === Health.EJECTED) return; // a call of before
    if (succeeded) {
      server.run = 0;
      server.successes++;
    } else {
      server.run++;
      server.failures++;
    }
    if (state === Health.PROBING) {
      if (server.probing === 0) return; // a call of before
      server.probing--;
      if (!succeeded) this.#eject(server, nowMs, true);
      else if (++server.probed >= this.#options.probes) this.#return(server, nowMs);
      return;
    }
    if (server.run >= this.#options.consecutiveFailures) this.#eject(server, nowMs, false);
    if (nowMs - this.#comparedMs >= this.#options.intervalMs) this.#compare(nowMs);
  }

  /** A call that went there tells nothing, because the program took it back. */
  forgot(key: string): void {
    const server = this.#servers.get(key);
    if (server !== undefined && server.probing > 0) server.probing--;
  }

  #return(server: ServerHealth, nowMs: number): void {
    server.state = Health.HEALTHY;
    server.returnedMs = nowMs;
    server.run = server.successes = server.failures = 0;
  }

  #eject(server: ServerHealth, nowMs: number, again: boolean): void {
    const { ejectionMs, maxEjectionMs, maxEjected } = this.#options;
    const away = [...this.#servers.values()].filter((one) => one.state !== Health.HEALTHY).length;
    // Some must stay: where all fail, it is not one server's fault.
    if (!again && away + 1 > this.#servers.size * maxEjected) return;
    const ms = Math.min(maxEjectionMs, ejectionMs * 2 ** Math.min(server.ejections++, 30));
    server.state = Health.EJECTED;
    server.ejectedUntilMs = nowMs + ms;
    server.run = 0;
  }

  /** Ejects who does much worse than the others. */
  #compare(nowMs: number): void {
    const { minimumCalls, deviations, minimumGap } = this.#options;
    this.#comparedMs = nowMs;
    const counted: [server: ServerHealth, rate: number][] = [];
    for (const server of this.#servers.values()) {
      const calls = server.successes + server.failures;
      if (server.state === Health.HEALTHY && calls >= minimumCalls) {
        counted.push([server, server.successes / calls]);
      }
      // An interval without trouble: its next ejection is a first one again.
      if (server.state === Health.HEALTHY && server.failures === 0) server.ejections = 0;
      if (this.#fullShare(server, nowMs)) server.returnedMs = undefined;
      server.successes = server.failures = 0;
    }
    // Each is held against the others without itself: among three, one bad one spoils the mean.
    for (const [server, rate] of counted) {
      const others = counted.filter(([other]) => other !== server).map(([, other]) => other);
      if (others.length === 0) continue;
      const mean = others.reduce((sum, one) => sum + one, 0) / others.length;
      const variance = others.reduce((sum, one) => sum + (one - mean) ** 2, 0) / others.length;
      const gap = Math.max(minimumGap, deviations * Math.sqrt(variance));
      if (rate < mean - gap) this.#eject(server, nowMs, false);
    }
  }

  #fullShare({ returnedMs }: ServerHealth, nowMs: number): boolean {
    return returnedMs !== undefined && nowMs - returnedMs >= this.#options.slowStartMs;
  }
}
