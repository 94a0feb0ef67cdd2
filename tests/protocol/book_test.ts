/** Both books of calls, the one for very many and the small one: the same is known of each call. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import type { Book, MakeBook } from "../../src/protocol/book.ts";
import { callBook } from "../../src/protocol/call_book.ts";
import { connectionLost } from "../../src/protocol/protocol.ts";
import { smallBook } from "../../src/protocol/small_book.ts";
import { random } from "../helpers/frames.ts";
import { turns } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** A book, and what became of its calls. */
class Tried {
  readonly clock = new VirtualClock();
  readonly line = {
    bytesIn: 0,
    outbound: { handed: 0, position: 0 },
    abort: ({ code }: { readonly code: string }) => void this.said.push(`cut: ${code}`),
  };
  readonly said: string[] = [];
  /** How often the last call that waited was settled. */
  idle = 0;
  readonly book: Book<number>;

  constructor(make: MakeBook, requestTimeoutMs = 1600) {
    const limits = {
      clock: this.clock,
      requestTimeoutMs,
      maxInFlight: 20,
      maxQueued: 0,
      overflow: "fail",
      book: make,
      deadAfterTimeouts: 4,
    } as const;
    this.book = make<number>(limits, this.line, () => this.idle++, 7);
  }

  add(place: number): number {
    const number: number = this.book.add(
      place,
      (value) => void this.said.push(`${number}: ${value}`),
      (error) => {
        const { code, message, outcome } = isFramewireError(error)
          ? error
          : { code: "", message: `${error}`, outcome: "" };
        this.said.push(`${number}: ${code} ${outcome} ${message}`);
      },
    );
    return number;
  }

  get state(): unknown[] {
    const { pending, full, head } = this.book;
    return [pending, full, head, this.idle];
  }
}

t.test("answers in any order, cancelled calls, timeouts of their own, and the end", async (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const books = [new Tried(callBook), new Tried(smallBook)];
    const controllers = books.map(() => new Map<number, AbortController>());
    let last = 6;
    for (let step = 0; step < 60; step++) {
      const what = next(8);
      const number = last - next(12);
      const ms = [undefined, 0, 17, 97][next(4)];
      const leftMs = next(3) === 0 ? 27 : undefined;
      for (const [i, { book, clock, line }] of books.entries()) {
        const tried = books[i]!;
        if (what < 4) {
          if (book.full) continue;
          last = tried.add(line.outbound.position++);
          if (what > 1) continue;
          const controller = new AbortController();
          controllers[i]!.set(last, controller);
          const { signal } = controller;
          book.limit(last, { signal, ...(ms !== undefined && { timeoutMs: ms }) }, leftMs);
        } else if (what === 4) {
          controllers[i]!.get(number)?.abort("enough");
        } else if (what === 5) {
          clock.advance(number % 3 * 20);
        } else if (book.has(number)) {
          line.bytesIn++;
          if (what === 6) book.resolve(number, number * 10);
          else book.reject(number, new Error("no"));
        }
      }
      t.strictSame(books[1]!.state, books[0]!.state, `seed ${seed}, step ${step}`);
    }
    for (const { book, line } of books) {
      line.outbound.handed = line.outbound.position - 3;
      book.failAll((outcome) => connectionLost({ code: "CLOSED", message: "over" }, 1, outcome));
    }
    await turns();
    t.strictSame(books[1]!.said, books[0]!.said, `seed ${seed}`);
    t.strictSame([books[1]!.book.pending, books[1]!.idle], [0, books[0]!.idle]);
  }
});

t.test("the usual timeout ends calls, and a silent peer is cut", (t) => {
  const tried = new Tried(smallBook);
  for (let i = 0; i < 3; i++) tried.add(i);
  tried.clock.advance(1599);
  t.strictSame(tried.said, []);
  tried.clock.advance(1);
  t.strictSame(tried.said.map((line) => line.slice(0, 28)), [
    "7: DEADLINE_EXCEEDED unknown",
    "8: DEADLINE_EXCEEDED unknown",
    "9: DEADLINE_EXCEEDED unknown",
  ]);
  t.match(tried.said[0], /the call was not answered within 1600 ms$/);
  t.equal(tried.book.has(8), true, "its answer may still come");
  for (let i = 0; i < 4; i++) tried.add(i);
  tried.clock.advance(1600);
  t.equal(tried.said.at(-1), "cut: PEER_SILENT");
  const patient = new Tried(smallBook, 0);
  patient.add(0);
  patient.clock.advance(1e9);
  t.strictSame(patient.said, []);
  t.end();
});
