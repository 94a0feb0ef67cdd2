/**
 * Credit that a server grants: what its requests have used of the window is given back as they are
 * answered, in few frames.
 *
 * @module
 */
import type { ReplyLimits } from "../../reply_order.ts";
import { Command, CONN_ID } from "../commands.ts";
import { type FrameOut, writeU32 } from "../frame_out.ts";

const CREDIT_BYTES = 8;

/**
 * What one connection is granted. A Credit leaves once an eighth of the window has come back: a
 * client that has used up all of its window has all of it granted when its requests are answered.
 */
export class CreditOut {
  readonly #out: FrameOut;
  readonly #limits: ReplyLimits;
  #requests = 0;
  #bytes = 0;

  constructor(out: FrameOut, limits: ReplyLimits) {
    this.#out = out;
    this.#limits = limits;
  }

  /** A request of so many bytes is answered. */
  give(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
    this.send();
  }

  /** Grants what has come back, if that is worth a frame. */
  send(): void {
    const { maxInFlight, maxInFlightBytes } = this.#limits;
    if (this.#requests * 8 < maxInFlight && this.#bytes * 8 < maxInFlightBytes) return;
    if (this.#requests === 0) return;
    const at = this.#out.begin(Command.CREDIT, CONN_ID, 0, CREDIT_BYTES);
    writeU32(this.#out.buffer, at, this.#requests);
    writeU32(this.#out.buffer, at + 4, this.#bytes);
    this.#out.end(CREDIT_BYTES);
    this.#requests = 0;
    this.#bytes = 0;
  }
}
