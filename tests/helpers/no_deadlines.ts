/**
 * A server's options without deadlines, for tests that let time pass.
 *
 * @module
 */

/** No deadline but the one for the peer's end. */
export const NO_DEADLINES = {
  handshakeTimeoutMs: 0,
  idleTimeoutMs: 0,
  heartbeatMs: 0,
  frameTimeoutMs: 0,
  writeStallMs: 0,
  handlerTimeoutMs: 0,
  lingerMs: 500,
} as const;
