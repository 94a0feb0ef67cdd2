/**
 * TLS handshakes that begin, shared out over turns.
 *
 * @module
 */

/** How many begin in a turn while they succeed. */
const MOST_A_TURN = 8;

/**
 * Lets few handshakes begin in a turn while others fail: each takes a runtime half a millisecond, whatever
 * the peer sends, and who is served already waits for all that begin at once. Each failure halves how many
 * may begin in a turn, each success allows one more: peers that come back after a restart, with honest
 * handshakes, wait for nobody.
 */
export class HandshakeTurn {
  readonly #later: (run: () => void) => void;
  readonly #run: () => void;
  #most = MOST_A_TURN;
  /** How many have begun in this turn, as far as one is known. */
  #begun = 0;
  #due: (() => void)[] = [];
  #waits = false;

  /** @param later Runs something in the next turn, when the runtime has looked at all other sockets. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
    this.#run = () => this.#next();
  }

  /** Begins one, now or in a turn to come, in the order in which they are asked for. */
  begin(start: () => void): void {
    if (this.#due.length > 0 || this.#begun >= this.#most) this.#due.push(start);
    else {
      this.#begun++;
      start();
    }
    this.#wait();
  }

  /** One is over. */
  over(succeeded: boolean): void {
    this.#most = succeeded ? Math.min(MOST_A_TURN, this.#most + 1) : Math.max(1, this.#most >> 1);
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#later(this.#run);
  }

  #next(): void {
    this.#waits = false;
    const now = this.#due.splice(0, this.#most);
    this.#begun = now.length;
    if (now.length > 0) this.#wait();
    for (const start of now) start();
  }
}

/** All listeners of the isolate take turns; why they are a timer's, read_turn.ts says. */
export const handshakeTurn: HandshakeTurn = /* @__PURE__ */ new HandshakeTurn((run) =>
  setTimeout(run, 0)
);
