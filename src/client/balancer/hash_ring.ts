/**
 * One key, one server: consistent hashing, with a bound on how much more work than others the server
 * of a popular key gets.
 *
 * @module
 */
import type { Balancer, Candidate } from "./balancer.ts";

/** How keys are spread. */
export interface HashRingOptions {
  /** Places of each server on the ring; more are more even and take more memory. */
  readonly placesPerServer: number;
  /**
   * How many times the average work a server may have; then a key goes on to the next server of the
   * ring (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016).
   */
  readonly loadBound: number;
}

/** The defaults: 160 places, a quarter more than the average. */
export const HASH_RING: HashRingOptions = { placesPerServer: 160, loadBound: 1.25 };

const encoder = new TextEncoder();

/** A 32-bit hash of a text that spreads well: FNV-1a, its bits mixed by the finalizer of MurmurHash3. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of encoder.encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return (h ^ h >>> 16) >>> 0;
}

/** The places of servers, in order of their hashes. */
class Ring {
  readonly #hashes: Uint32Array;
  /** Which server each place belongs to. */
  readonly #owners: Int32Array;

  constructor(servers: readonly Candidate[], places: number) {
    const all: [hash: number, owner: number][] = [];
    servers.forEach(({ key }, owner) => {
      for (let i = 0; i < places; i++) all.push([hash(`${key}#${i}`), owner]);
    });
    // Equal hashes are put in the order of keys, not of the list, which may come in any order.
    all.sort(([a, i], [b, j]) => a - b || (servers[i]!.key < servers[j]!.key ? -1 : 1));
    this.#hashes = Uint32Array.from(all, ([hash]) => hash);
    this.#owners = Int32Array.from(all, ([, owner]) => owner);
  }

  /** The owners of places from a hash on, round the ring. */
  *from(start: number): Generator<number> {
    const { length } = this.#hashes;
    let low = 0;
    for (let high = length; low < high;) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < start) low = middle + 1;
      else high = middle;
    }
    for (let i = 0; i < length; i++) yield this.#owners[(low + i) % length]!;
  }
}

/**
 * Each key goes to one server as long as that one is there and not overloaded; when one of n servers
 * comes or goes, about one key in n moves. A call without a key goes to any.
 */
export function hashRing(random: () => number, options: HashRingOptions = HASH_RING): Balancer {
  let members = "";
  let last: readonly Candidate[] | undefined;
  let ring: Ring;
  return {
    pick(servers, key) {
      if (servers !== last) {
        const now = servers.map((server) => server.key).join("\n");
        if (now !== members) ring = new Ring(servers, options.placesPerServer);
        members = now;
        last = servers;
      }
      let pending = 1;
      let weights = 0;
      for (const server of servers) {
        pending += server.pending;
        weights += server.weight;
      }
      const start = key === undefined ? Math.floor(random() * 2 ** 32) : hash(key);
      for (const owner of ring.from(start)) {
        const server = servers[owner]!;
        const share = pending * server.weight / weights;
        if (server.pending < Math.ceil(share * options.loadBound)) return server;
      }
      return servers[0]!; // not reached: one of them has no more than the average
    },
  };
}
