/**
 * What a server pushes, for the program: by a handler, or as something to loop over. One for a client,
 * whichever connections it has.
 *
 * @module
 */
import { Fifo } from "../../fifo.ts";

/** How a client's program gets at what the server pushes. */
export interface PushCalls {
  /**
   * What the server pushes, one after the other, to loop over. A push is acknowledged when the next one is
   * asked for, or the loop is left: by then it is handled. While 1,024 wait for that, no more is read
   * from the connection, so that the server sees a slow consumer. The loop ends when the client is closed,
   * behind what had come by then; until then pushes that nobody loops over wait for the next loop or
   * handler, the newest 1,024. It takes the place of a handler, and of a loop that is under way.
   *
   * @example
   * ```ts
   * import { connect, serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, { submit: (_packet, conn) => conn.push("news") });
   * const url = `tcp://127.0.0.1:${server.addr.port}`;
   * await using client = await connect(url, { hello: "required" });
   * await client.submit("subscribe");
   * for await (const push of client.pushes()) {
   *   if (new TextDecoder().decode(push) !== "news") throw new Error("news expected");
   *   break;
   * }
   * ```
   */
  pushes(): AsyncIterableIterator<Uint8Array>;
}

type Handler = (payload: Uint8Array) => unknown;

/** A push that waits to be handled. */
interface Waiting {
  readonly payload: Uint8Array;
  /** Acknowledges it, or what a handler makes of it. */
  readonly handled: (outcome?: unknown) => void;
}

/** How many may wait that nobody asks for; of those that are looped over the connection bounds them. */
const MOST_WAITING = 1024;

/** The pushes of one client. */
export class PushInbox implements PushCalls {
  readonly #onPush: (handler: Handler) => void;
  readonly #waiting = new Fifo<Waiting>();
  #handler: Handler | undefined;
  #loop: PushLoop | undefined;
  #listens = false;
  #ended = false;

  /**
   * @param onPush Sets the handler of all the client's connections.
   * @param closed Settles when the client is closed.
   */
  constructor(onPush: (handler: Handler) => void, closed: Promise<unknown>) {
    this.#onPush = onPush;
    void closed.then(() => {
      this.#ended = true;
      this.#loop?.wake();
    });
  }

  /** {@inheritDoc SubmitCalls.onPush} */
  onPush(handler: Handler): void {
    this.#handler = handler;
    this.#replace(undefined);
    while (this.#waiting.length > 0) {
      const { payload, handled } = this.#waiting.shift()!;
      handled(attempt(handler, payload));
    }
    this.#listen();
  }

  /** {@inheritDoc PushCalls.pushes} */
  pushes(): AsyncIterableIterator<Uint8Array> {
    this.#handler = undefined;
    const loop = new PushLoop(
      () => this.#waiting.shift(),
      () => this.#ended,
      () => {
        if (this.#loop === loop) this.#loop = undefined;
      },
    );
    this.#replace(loop);
    this.#listen();
    return loop;
  }

  #replace(loop: PushLoop | undefined): void {
    const before = this.#loop;
    this.#loop = loop;
    void before?.return();
  }

  #listen(): void {
    if (this.#listens) return;
    this.#listens = true;
    this.#onPush((payload) => this.#take(payload));
  }

  #take(payload: Uint8Array): unknown {
    if (this.#handler !== undefined) return this.#handler(payload);
    return new Promise((handled) => {
      this.#waiting.push({ payload, handled });
      if (this.#loop !== undefined) this.#loop.wake();
      else if (this.#waiting.length > MOST_WAITING) this.#waiting.shift()!.handled();
    });
  }
}

/** What a handler makes of a push; what it throws is the outcome too. */
async function attempt(handler: Handler, payload: Uint8Array): Promise<void> {
  await handler(payload);
}

/** One loop over pushes. */
class PushLoop implements AsyncIterableIterator<Uint8Array> {
  readonly #next: () => Waiting | undefined;
  readonly #ended: () => boolean;
  readonly #left: () => void;
  /** What the body of the loop has in hand. */
  #inHand: Waiting | undefined;
  readonly #asked = new Fifo<(result: IteratorResult<Uint8Array, undefined>) => void>();
  #over = false;

  constructor(next: () => Waiting | undefined, ended: () => boolean, left: () => void) {
    this.#next = next;
    this.#ended = ended;
    this.#left = left;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#inHand?.handled();
    this.#inHand = undefined;
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.wake();
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#over = true;
    this.#inHand?.handled();
    this.#inHand = undefined;
    this.#left();
    this.wake();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A push waits, or none comes any more. */
  wake(): void {
    while (this.#asked.length > 0) {
      const waiting = this.#over ? undefined : this.#next();
      if (waiting !== undefined) {
        this.#inHand?.handled(); // asked for two at once: the first was not looked at for long
        this.#inHand = waiting;
        this.#asked.shift()!({ done: false, value: waiting.payload });
      } else if (this.#over || this.#ended()) {
        this.#asked.shift()!({ done: true, value: undefined });
      } else return;
    }
  }
}
