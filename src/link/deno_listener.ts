/**
 * Accepting on Deno.
 *
 * @module
 */
import { AcceptBackoff } from "./accept_backoff.ts";
import type { Address, Listener } from "./link.ts";
import { acceptError, peerHasLeft } from "./net_errors.ts";

/**
 * How many connections are accepted in one turn of the event loop. Deno answers at once while there are
 * some in the backlog, and reads nothing meanwhile: beside a storm of peers that connect and reset, others
 * waited for their answers for 90 ms at the 99th percentile, and so they wait for 10.
 */
const ACCEPTS_PER_TURN = 8;

/** What becomes of what is accepted. */
export interface DenoListenerEvents<Conn> {
  /** A connection was accepted. */
  accepted(conn: Conn): void;
  /** Accepting has failed; it goes on after a pause. */
  failed(error: Error): void;
}

/** A pause that begins now. */
function pauseOf(): { readonly over: Promise<void>; readonly end: () => void } {
  let end!: () => void;
  const over = new Promise<void>((resolve) => end = resolve);
  return { over, end };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Accepts connections until it is closed. */
export class DenoListener<Conn extends Deno.Conn<Deno.NetAddr>> implements Listener {
  readonly #listener: Deno.Listener<Conn, Deno.NetAddr>;
  readonly address: Address;
  readonly #accepting: Promise<void>;
  #endPause: (() => void) | undefined;
  /** Set while paused; resolves when accepting may go on. */
  #pause: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #closed = false;

  constructor(listener: Deno.Listener<Conn, Deno.NetAddr>, events: DenoListenerEvents<Conn>) {
    this.#listener = listener;
    this.address = listener.addr;
    this.#accepting = this.#accept(events);
  }

  pause(): void {
    this.#pause ??= pauseOf();
  }

  resume(): void {
    this.#pause?.end();
    this.#pause = undefined;
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.close();
      this.#endPause?.();
      this.resume();
    }
    // The accept under way keeps the address in use: connections were still taken, and reset.
    return this.#accepting;
  }

  async #accept(events: DenoListenerEvents<Conn>): Promise<void> {
    const backoff = new AcceptBackoff();
    let turn = nextTurn();
    let accepted = 0;
    while (!this.#closed) {
      let conn: Conn;
      try {
        if (accepted++ === ACCEPTS_PER_TURN) {
          await turn;
          turn = nextTurn();
          accepted = 1;
        }
        if (this.#pause !== undefined) await this.#resumed();
        conn = await this.#listener.accept();
        backoff.succeeded();
        // A pause that came while the accept was under way holds back what it accepted.
        if (this.#pause !== undefined) await this.#resumed();
        if (this.#closed) {
          conn.close();
          return;
        }
      } catch (error) {
        if (this.#closed) return;
        events.failed(acceptError(error));
        // With a pause here, a few peers that connect and reset would keep everybody else waiting.
        if (!peerHasLeft(error)) await this.#wait(backoff.failed());
        continue;
      }
      events.accepted(conn);
    }
  }

  /** Settles when accepting is not paused. */
  async #resumed(): Promise<void> {
    while (this.#pause !== undefined) await this.#pause.over;
  }

  /** Waits; closing ends that. */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
