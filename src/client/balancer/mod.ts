/**
 * The balancers by their names.
 *
 * @module
 */
import type { Balancer } from "./balancer.ts";
import { hashRing } from "./hash_ring.ts";
import { ewma, leastPending, p2c, randomBalancer, roundRobin } from "./simple.ts";

export type { Balancer, Candidate } from "./balancer.ts";

/** The name of a balancer. */
export type BalancerName = "random" | "roundRobin" | "leastPending" | "p2c" | "ewma" | "hash";

/** The balancers there are, by name. Each is given random numbers in `[0, 1)`. */
export const BALANCERS: Readonly<Record<BalancerName, (random: () => number) => Balancer>> = {
  random: randomBalancer,
  roundRobin,
  leastPending,
  p2c,
  ewma,
  hash: hashRing,
};
