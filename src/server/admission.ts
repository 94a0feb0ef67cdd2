/**
 * Who comes in: how many connections there may be, in all and of one address, and how fast one address
 * may connect.
 *
 * The limits are exact: a connection counts from the decision to let it in until it is closed, and one
 * that is evicted to make room is closed before the next comes in.
 *
 * @module
 */
import type { CloseReason } from "../connection/connection.ts";
import type { Clock } from "../connection/clock.ts";
import type { Watch } from "../connection/deadlines.ts";
import type { ReadonlyRoster } from "../connection/roster.ts";
import { hostKey } from "../gates/address_text.ts";
import { HostBuckets } from "../gates/rate_buckets.ts";
import type { Address, Link } from "../link/link.ts";
import type { AcceptRate, AdmissionOptions } from "../options/admission.ts";
import type { Refusal } from "./refusal.ts";

/** The limits in force. `server.reconfigure` changes them in place, and then calls `changed`. */
export type AdmissionLimits =
  & {
    -readonly [Name in Exclude<keyof AdmissionOptions, "acceptRatePerIp" | "maxHandshakes">]-?:
      NonNullable<
        AdmissionOptions[Name]
      >;
  }
  & { acceptRatePerIp: AdmissionOptions["acceptRatePerIp"] };

/** A connection that has come in. */
export interface Member {
  readonly id: number;
  readonly remote: Address;
  readonly watch: Watch;
  /** It makes room for another, and counts no more. Kept here for the decisions. */
  evicted: boolean;
  /** Cuts it. */
  abort(reason: CloseReason): void;
}

/** What the decisions are carried out by. */
export interface Door {
  /**
   * Lets a link in.
   *
   * @param since When it was accepted, by the clock, where that is longer ago than now.
   */
  admit(link: Link, since?: number): void;
  /** Links that were let in and are no connections yet. */
  readonly entering: Iterable<Link>;
  /** Turns a link away. */
  turnAway(link: Link, reason: CloseReason): void;
  /** Counts a refusal and raises its event. */
  refused(refusal: Refusal): void;
  /** Accepts no more for now. */
  pause(): void;
  /** Accepts again. */
  resume(): void;
}

/** How many addresses without a full bucket are remembered: about 5 MB of them. */
const MOST_ADDRESSES = 16_384;

/** How many idle connections are looked up at once: the next ones to be evicted are among them. */
const CANDIDATES = 32;

/** Decides who comes in. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #members: ReadonlyRoster<Member>;
  readonly #door: Door;
  /** Connections that count: those inside and those that wait for an evicted one to be closed. */
  #count = 0;
  /** The same by address; kept only while addresses are limited. */
  readonly #ofAddress = new Map<string, number>();
  /** The rate that {@linkcode #rates} are of. */
  #rate: AcceptRate | undefined;
  #rates: HostBuckets | undefined;
  /** Let in as soon as the evicted are closed. */
  readonly #waiting: (readonly [link: Link, since: number | undefined])[] = [];
  /** Those idle for longest when they were looked up, the longest last. */
  #candidates: Member[] = [];
  #paused = false;

  /** @param members The connections inside. */
  constructor(
    limits: AdmissionLimits,
    clock: Clock,
    members: ReadonlyRoster<Member>,
    door: Door,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#members = members;
    this.#door = door;
    this.changed();
  }

  /** A link asks to come in, which was accepted a while ago if `since` says so. */
  take(link: Link, since?: number): void {
    const { maxConnections, maxConnectionsPerIp } = this.#limits;
    const { remote } = link;
    const address = this.#addressOf(remote);
    if (this.#rates !== undefined && !this.#rates.takeOne(address)) {
      const { perSecond } = this.#limits.acceptRatePerIp!;
      const message = `${address} connects more than ${perSecond} times a second (acceptRatePerIp)`;
      this.#turnAway(link, "acceptRatePerIp", message);
    } else if (maxConnectionsPerIp > 0 && this.#countOf(address) >= maxConnectionsPerIp) {
      const message =
        `${address} has ${maxConnectionsPerIp} connections already (maxConnectionsPerIp)`;
      this.#makeRoom(link, since, "maxConnectionsPerIp", message, address);
    } else if (this.#count >= maxConnections) {
      const message = `there are ${maxConnections} connections already (maxConnections)`;
      this.#makeRoom(link, since, "maxConnections", message, undefined);
    } else {
      this.#enter(address);
      this.#door.admit(link, since);
      this.#pauseIfFull(remote);
    }
  }

  /** A connection is closed, or a link that was let in and has not become one. */
  left(member: Pick<Member, "remote"> & Partial<Pick<Member, "evicted">>): void {
    if (!member.evicted) this.#leave(this.#addressOf(member.remote));
    const next = this.#waiting.shift();
    if (next !== undefined) this.#door.admit(...next);
    this.#resumeIfRoom();
  }

  /** The limits are others now. */
  changed(): void {
    const { acceptRatePerIp, maxConnectionsPerIp } = this.#limits;
    if (acceptRatePerIp !== this.#rate) {
      this.#rate = acceptRatePerIp;
      this.#rates = acceptRatePerIp && this.#ratesOf(acceptRatePerIp);
    }
    this.#ofAddress.clear();
    if (maxConnectionsPerIp > 0) {
      for (const member of this.#members) {
        if (!member.evicted) this.#enterAddress(this.#addressOf(member.remote));
      }
      for (const { remote } of this.#door.entering) this.#enterAddress(this.#addressOf(remote));
      for (const [{ remote }] of this.#waiting) this.#enterAddress(this.#addressOf(remote));
    }
    this.#resumeIfRoom();
  }

  /** The server ends: nobody comes in any more. */
  close(): void {
    for (const [link] of this.#waiting.splice(0)) link.abort();
  }

  #makeRoom(
    link: Link,
    since: number | undefined,
    gate: string,
    message: string,
    address: string | undefined,
  ): void {
    const victim = this.#limits.onMaxConnections === "evict-idle"
      ? this.#longestIdle(address)
      : undefined;
    if (victim === undefined) {
      this.#turnAway(link, gate, message);
      return;
    }
    this.#door.refused({
      gate,
      category: "limit",
      remote: victim.remote,
      message: `${message}; the one that was idle for longest makes room`,
      conn: victim.id,
    });
    this.#leave(this.#addressOf(victim.remote));
    this.#enter(this.#addressOf(link.remote));
    victim.evicted = true;
    this.#waiting.push([link, since]);
    victim.abort({ code: "EVICTED", message: "it was idle, and others wanted to connect" });
  }

  #turnAway(link: Link, gate: string, message: string): void {
    this.#door.refused({ gate, category: "limit", remote: link.remote, message });
    this.#door.turnAway(link, { code: "REFUSED", message });
  }

  /** The connection that nothing has come from for the longest time, and to which nothing is owed. */
  #longestIdle(address: string | undefined): Member | undefined {
    const candidate = (member: Member) =>
      this.#members.has(member) && !member.evicted && member.watch.idle;
    if (address !== undefined) {
      return this.#lookUp(
        1,
        (member) => candidate(member) && this.#addressOf(member.remote) === address,
      )[0];
    }
    // Who has stayed idle since they were looked up is still idle for longest.
    for (let round = 0; round < 2; round++) {
      for (let last = this.#candidates.pop(); last !== undefined; last = this.#candidates.pop()) {
        if (candidate(last)) return last;
      }
      if (round === 0) this.#candidates = this.#lookUp(CANDIDATES, candidate);
    }
    return undefined;
  }

  /** The `most` that are idle for longest, the longest last. */
  #lookUp(most: number, candidate: (member: Member) => boolean): Member[] {
    const found: Member[] = [];
    for (const member of this.#members) {
      const since = member.watch.quietSince;
      if (found.length === most && since >= found[0]!.watch.quietSince) continue;
      if (!candidate(member)) continue;
      let at = found.length;
      while (at > 0 && found[at - 1]!.watch.quietSince <= since) at--;
      found.splice(at, 0, member);
      if (found.length > most) found.shift();
    }
    return found;
  }

  #pauseIfFull(remote: Address): void {
    const { maxConnections, onMaxConnections } = this.#limits;
    if (this.#paused || onMaxConnections !== "pause" || this.#count < maxConnections) return;
    this.#paused = true;
    this.#door.pause();
    const message =
      `there are ${maxConnections} connections (maxConnections): no more are accepted ` +
      "until one leaves";
    this.#door.refused({ gate: "maxConnections", category: "limit", remote, message });
  }

  #resumeIfRoom(): void {
    const { maxConnections, onMaxConnections } = this.#limits;
    if (!this.#paused || (onMaxConnections === "pause" && this.#count >= maxConnections)) return;
    this.#paused = false;
    this.#door.resume();
  }

  #enter(address: string): void {
    this.#count++;
    if (this.#limits.maxConnectionsPerIp > 0) this.#enterAddress(address);
  }

  #enterAddress(address: string): void {
    this.#ofAddress.set(address, this.#countOf(address) + 1);
  }

  #leave(address: string): void {
    this.#count--;
    if (this.#limits.maxConnectionsPerIp === 0) return;
    const count = this.#countOf(address) - 1;
    if (count > 0) this.#ofAddress.set(address, count);
    else this.#ofAddress.delete(address);
  }

  #countOf(address: string): number {
    return this.#ofAddress.get(address) ?? 0;
  }

  #ratesOf({ perSecond, burst }: AcceptRate): HostBuckets {
    const limits = { requestsPerSecond: perSecond, requestBurst: burst };
    return new HostBuckets(this.#clock, limits, MOST_ADDRESSES);
  }

  /** The address by which it is counted; "" while nothing asks for it. */
  #addressOf({ hostname }: Address): string {
    return this.#limits.maxConnectionsPerIp === 0 && this.#rates === undefined
      ? ""
      : hostKey(hostname);
  }
}
