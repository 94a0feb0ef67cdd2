/**
 * Balancers that need no ring: at random, in turn, the least loaded, the better of two.
 *
 * @module
 */
import { type Balancer, type Candidate, lighter, load, two } from "./balancer.ts";

/** Any server, each as often as its weight says. */
export function randomBalancer(random: () => number): Balancer {
  return {
    pick(servers) {
      const whole = servers.reduce((sum, { weight }) => sum + weight, 0);
      let left = random() * whole;
      for (const server of servers) {
        left -= server.weight;
        if (left < 0) return server;
      }
      return servers.at(-1)!;
    },
  };
}

/** One after the other; one of half the weight gets every second turn. */
export function roundRobin(): Balancer {
  let turn = 0;
  const credit = new WeakMap<Candidate, number>();
  return {
    pick(servers) {
      for (;;) {
        const server = servers[turn++ % servers.length]!;
        if (server.weight >= 1) return server;
        const saved = (credit.get(server) ?? 0) + server.weight;
        credit.set(server, saved >= 1 ? saved - 1 : saved);
        if (saved >= 1) return server;
      }
    },
  };
}

/** The server with the least work; among equals any. */
export function leastPending(random: () => number): Balancer {
  return {
    pick(servers) {
      let best = servers[0]!;
      let equals = 1;
      for (let i = 1; i < servers.length; i++) {
        const server = servers[i]!;
        const difference = load(server) - load(best);
        if (difference < 0) {
          best = server;
          equals = 1;
        } else if (difference === 0 && random() * ++equals < 1) {
          best = server;
        }
      }
      return best;
    },
  };
}

/**
 * The one with less work of two chosen at random: nearly as even as the least loaded of all, and
 * clients that know nothing of each other do not run to the same server (Mitzenmacher, "The Power
 * of Two Choices in Randomized Load Balancing", 2001).
 */
export function p2c(random: () => number): Balancer {
  return {
    pick(servers) {
      const [a, b] = two(servers, random);
      return lighter(a, b);
    },
  };
}

/** Of two chosen at random the one that will answer sooner: its average times its work. */
export function ewma(random: () => number): Balancer {
  return {
    pick(servers) {
      const [a, b] = two(servers, random);
      return lighter(a, b, (server) => (server.latencyMs + 1) * load(server));
    },
  };
}
