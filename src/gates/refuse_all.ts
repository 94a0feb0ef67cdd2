/**
 * Requests that are answered as refused, whatever their protocol: their handlers throw before they
 * begin, and the protocol answers as it answers a handler that refuses.
 *
 * @module
 */
import { GateRefusal } from "./gate_refusal.ts";

/** Whom the requests of the batch under way are refused by. Batches do not nest. */
let refusal: GateRefusal | undefined;
let refused = 0;

/**
 * Refuses all requests that a batch hands to handlers.
 *
 * @param retryAfterMs After how long it is worth to try again.
 * @param batch Hands them over.
 * @param count Told how many there were.
 * @returns What `batch` returns.
 */
export function refuseAll<T>(
  retryAfterMs: number,
  batch: () => T,
  count: (requests: number) => void,
): T {
  refusal = new GateRefusal("RATE_LIMITED", retryAfterMs);
  refused = 0;
  try {
    return batch();
  } finally {
    refusal = undefined;
    if (refused > 0) count(refused);
  }
}

/** A handler that {@linkcode refuseAll} can stop. */
export function stoppable<A extends readonly unknown[]>(
  handler: (...args: A) => unknown,
): (...args: A) => unknown {
  return (...args) => {
    if (refusal !== undefined) {
      refused++;
      throw refusal;
    }
    return handler(...args);
  };
}
