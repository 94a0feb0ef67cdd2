/**
 * The answer of a handler that does not do what it was asked, and says why.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import { describe } from "../../protocol.ts";
import { Result, RESULT_TEXTS } from "../commands.ts";

/** How {@linkcode RequestRefused} answers. */
export interface RefusedOptions {
  /**
   * The result: 1 failed, 2 unauthenticated, 3 forbidden, 4 busy, 5 too large, 6 deadline exceeded,
   * 7 unsupported, 8 draining, 9 malformed.
   *
   * @default {1}
   */
  readonly result?: number;
  /** With result 4, after how long it is worth to try again, in milliseconds: 0 to 4,294,967,295. */
  readonly retryAfterMs?: number;
}

const brand: unique symbol = Symbol.for("framewire.refused") as never;

/**
 * What a handler throws to refuse a request with a result and a message that the peer may know.
 * Whatever else a handler throws, the peer is told result 1 and nothing more.
 *
 * @example
 * ```ts
 * import { RequestRefused } from "framewire";
 *
 * const handlers = {
 *   submit() {},
 *   request(packet: { text(): string }) {
 *     if (packet.text() === "") throw new RequestRefused("a name is missing", { result: 9 });
 *     return `hello ${packet.text()}`;
 *   },
 * };
 * ```
 */
export class RequestRefused extends Error {
  /** The class name, as `Error` prints it. */
  override readonly name: string = "RequestRefused";
  /** The result that the peer is told. */
  readonly result: number;
  /** After how long it is worth to try again, in milliseconds. */
  readonly retryAfterMs: number;

  /**
   * A refusal to throw.
   *
   * @param message What the peer is told, in a Response; nobody else is.
   * @param options The result.
   * @throws FramewireError INVALID_OPTION.
   */
  constructor(message?: string, options: RefusedOptions = {}) {
    const { result = Result.FAILED, retryAfterMs = 0 } = options;
    if (!Number.isInteger(result) || result < Result.FAILED || result > Result.MALFORMED) {
      const text = `result must be a whole number from 1 to 9 and is ${describe(result)}`;
      throw new FramewireError("INVALID_OPTION", text);
    }
    super(message ?? RESULT_TEXTS[result]!);
    this.result = result;
    this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether a handler has refused its request, by whichever copy of the library. */
export function isRefused(thrown: unknown): thrown is RequestRefused {
  return typeof thrown === "object" && thrown !== null && brand in thrown;
}
