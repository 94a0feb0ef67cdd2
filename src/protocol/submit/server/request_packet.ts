/**
 * A Submit or Request of a peer that has said hello, as its handler sees it.
 *
 * @module
 */
import { SubmitPacket } from "./packet.ts";

/** Ends the signal of a request; only the endpoint does. */
export let abortRequest: (packet: RequestPacket, reason: Error) => void;

/** Makes a packet ready for the next request. */
export let renew: (packet: RequestPacket, timeoutMs: number) => void;

/**
 * A request with its deadline. What {@linkcode SubmitPacket} says of its memory holds for it too.
 */
export class RequestPacket extends SubmitPacket {
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #timeoutMs = 0;

  static {
    abortRequest = (packet, reason) => {
      packet.#reason ??= reason;
      packet.#controller?.abort(packet.#reason);
    };
    renew = (packet, timeoutMs) => {
      packet.#controller = undefined;
      packet.#reason = undefined;
      packet.#timeoutMs = timeoutMs;
    };
  }

  /** How long the peer waits for the answer, counted from when it came, in milliseconds; 0 for ever. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /**
   * Aborts when the answer is of no use any more: the peer has cancelled the request, its deadline has
   * passed, or the connection is closed. Made when it is first asked for.
   */
  override get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
}
