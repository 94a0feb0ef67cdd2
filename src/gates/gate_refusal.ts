/**
 * What a gate throws in a handler's place.
 *
 * @module
 */

/** What a request is refused with, and the result that a peer which knows results is told. */
const RESULTS = { UNAUTHENTICATED: 2, FORBIDDEN: 3, RATE_LIMITED: 4 } as const;
/** All that a peer is told of it. */
const TEXTS = { UNAUTHENTICATED: "unauthenticated", FORBIDDEN: "forbidden", RATE_LIMITED: "busy" };

const gateBrand: unique symbol = Symbol.for("framewire.gate_refusal") as never;
/** The brand of what handlers throw to refuse a request (RequestRefused). */
const refusedBrand: unique symbol = Symbol.for("framewire.refused") as never;

/** A request is refused by a gate: it is answered so, and no handler has failed. */
export class GateRefusal extends Error {
  /** The class name, as `Error` prints it. */
  override readonly name: string = "GateRefusal";
  /** The code that `failure` of a defined protocol can tell it by. */
  readonly code: keyof typeof RESULTS;
  /** The result that the peer is told. */
  readonly result: number;
  /** After how long it is worth to try again, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(code: keyof typeof RESULTS, retryAfterMs = 0) {
    super(TEXTS[code]);
    this.code = code;
    this.result = RESULTS[code];
    this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, gateBrand, { value: true });
    Object.defineProperty(this, refusedBrand, { value: true });
  }
}

/** Whether a request was refused by a gate. */
export function isGateRefusal(thrown: unknown): thrown is GateRefusal {
  return typeof thrown === "object" && thrown !== null && gateBrand in thrown;
}
