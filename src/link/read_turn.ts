/**
 * Reads of links whose peers send more than they read at once, shared out over turns.
 *
 * @module
 */

/** A link that waits for its turn to read. */
export interface DueReader {
  /** The turn in which its peer last sent more than was read at once; 0 before. Kept here for the turns. */
  bulkTurn: number;
  /** It may read now. */
  readDue(): void;
}

/** A read that filled so large a buffer was not the last of what the peer has sent. */
const BULK_BYTES = 16 * 1024;

/** What is read in a turn beside others, but for the last read, which may go beyond. */
const BESIDE_BYTES = 256 * 1024;
/** The same when nobody was read from for {@linkcode BESIDE_TURNS} but those who send much. */
const ALONE_BYTES = 8 * 1024 * 1024;
/** A tenth of a second and more: who is read from now may be so again soon, and who sent much goes on. */
const BESIDE_TURNS = 100;

/**
 * Lets links with more to read go on for so many bytes a turn, in the order in which they come.
 *
 * A runtime reads from a socket for as long as there is something, or asks the system for others only
 * after dozens of reads: a few peers that send long frames keep everybody else waiting for all they
 * sent, and for the time that their frames take. What was measured is in ARCHITECTURE.md.
 */
export class ReadTurn {
  readonly #later: (run: () => void) => void;
  readonly #run: () => void;
  /** What may still be read in this turn, as far as one has begun. */
  #left = ALONE_BYTES;
  /** For how many turns others count as there. */
  #beside = 0;
  /** Which turn it is. */
  #turn = BESIDE_TURNS + 1;
  #due: { readonly reader: DueReader; readonly bytes: number }[] = [];

  /** @param later Runs something in the next turn, when the runtime has looked at all other sockets. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
    this.#run = () => this.#next();
  }

  /**
   * A link has read, and asks for another read.
   *
   * @param bytes How much it read, and may so again.
   * @param room How much it could have read.
   * @returns Whether it may read now; else it is told when.
   */
  mayRead(reader: DueReader, bytes: number, room: number): boolean {
    if (bytes < room || room < BULK_BYTES) {
      // The last of what somebody sent who sends much is none of the others'.
      if (this.#turn - reader.bulkTurn > BESIDE_TURNS) this.#beside = BESIDE_TURNS;
      return true;
    }
    reader.bulkTurn = this.#turn;
    if (this.#left > 0) {
      this.#left -= bytes;
      return true;
    }
    if (this.#due.push({ reader, bytes }) === 1) this.#later(this.#run);
    return false;
  }

  #next(): void {
    this.#turn++;
    this.#left = this.#beside > 0 ? BESIDE_BYTES : ALONE_BYTES;
    if (this.#beside > 0) this.#beside--;
    const due = this.#due;
    let count = 0;
    while (count < due.length && this.#left > 0) this.#left -= due[count++]!.bytes;
    this.#due = due.slice(count);
    if (this.#due.length > 0) this.#later(this.#run);
    for (let i = 0; i < count; i++) due[i]!.reader.readDue();
  }
}

/** All links of the isolate take turns. Only while a timer runs do both runtimes look at all sockets. */
export const readTurn: ReadTurn = /* @__PURE__ */ new ReadTurn((run) => setTimeout(run, 0));
