/**
 * Options of a connection's life on a server: how long it may take over what, and how many there may be.
 *
 * @module
 */
import { MAX_TIMER_MS, type OptionSpecs, whole } from "./spec.ts";

/**
 * How long connections may take over what. All of them are looked at together, once a second or, where
 * a deadline is short, at a quarter of the shortest: none comes early, and each at most twice that late.
 */
export interface LifeOptions {
  /**
   * How long a peer may take from its TCP connection being accepted to having introduced itself, a TLS
   * handshake included, in milliseconds: 0 to 2,147,483,647, where 0 is for ever. Protocols without an introduction ask for the first frame.
   *
   * @default {10000}
   */
  readonly handshakeTimeoutMs?: number;
  /**
   * How long a connection may be without input while nothing is owed to its peer, in milliseconds: 0 to
   * 2,147,483,647, where 0 is for ever. Then it ends in order.
   *
   * @default {60000}
   */
  readonly idleTimeoutMs?: number;
  /**
   * After how long without input a peer is asked for a sign of life, in milliseconds: 0 to
   * 2,147,483,647, where 0 is never. A peer that is silent for as long again is cut off. Peers whose
   * protocol has no heartbeat only have the idle timeout.
   *
   * @default {30000}
   */
  readonly heartbeatMs?: number;
  /**
   * How long a frame may take from its first byte to its last, in milliseconds: 0 to 2,147,483,647,
   * where 0 is for ever. More bytes do not begin it again. Time in which this side does not read, for
   * want of room, does not count. A body that is read as a stream may take its time, so long as
   * some of it comes.
   *
   * @default {5000}
   */
  readonly frameTimeoutMs?: number;
  /**
   * How long what waits to be written may make no progress, in milliseconds: 0 to 2,147,483,647, where
   * 0 is for ever. A peer that reads nothing for that long is cut off, half closed or not.
   *
   * @default {30000}
   */
  readonly writeStallMs?: number;
  /**
   * How old a connection may become, in milliseconds: 0 to 2,147,483,647, where 0 is any age. Then its
   * peer is told, what it has asked is answered, and it ends in order. Each connection's own age is up
   * to a tenth shorter, at random, so that those that came together do not all come back together.
   *
   * @default {0}
   */
  readonly maxAgeMs?: number;
}

const LIVE = { live: true } as const;

/** The specs of {@linkcode LifeOptions}. */
export const LIFE: OptionSpecs<LifeOptions> = {
  handshakeTimeoutMs: whole(10_000, 0, MAX_TIMER_MS, LIVE),
  idleTimeoutMs: whole(60_000, 0, MAX_TIMER_MS, LIVE),
  heartbeatMs: whole(30_000, 0, MAX_TIMER_MS, LIVE),
  frameTimeoutMs: whole(5000, 0, MAX_TIMER_MS, LIVE),
  writeStallMs: whole(30_000, 0, MAX_TIMER_MS, LIVE),
  maxAgeMs: whole(0, 0, MAX_TIMER_MS, LIVE),
};
