/**
 * Reads of links whose peers send more than they read at once, shared out over turns.
 *
 * @module
 */

/** A link that waits for its turn to read. */
export interface DueReader {
  /** It may read now. */
  readDue(): void;
}

/** A read that filled so large a buffer was not the last of what the peer has sent. */
export const BULK_BYTES: number = 16 * 1024;

/**
 * Lets links with more to read go on for so many bytes a turn, in the order in which they come.
 *
 * A runtime reads from a socket for as long as there is something, or asks the system for others only
 * after dozens of reads: a few peers that send long frames keep everybody else waiting for all they
 * sent. What is measured is in ARCHITECTURE.md.
 */
export class ReadTurn {
  readonly #later: (run: () => void) => void;
  readonly #turnBytes: number;
  readonly #run: () => void;
  /** What may still be read in this turn, as far as one has begun. */
  #left: number;
  #due: { readonly reader: DueReader; readonly bytes: number }[] = [];

  /**
   * @param later Runs something in the next turn, when the runtime has looked at all other sockets.
   * @param turnBytes How much is read in a turn, but for the last read, which may go beyond.
   */
  constructor(later: (run: () => void) => void, turnBytes: number) {
    this.#later = later;
    this.#turnBytes = turnBytes;
    this.#left = turnBytes;
    this.#run = () => this.#next();
  }

  /**
   * Asks for another read.
   *
   * @param bytes How much the last one took, and so may this one.
   * @returns Whether it may be made now; else the reader is told when.
   */
  mayRead(reader: DueReader, bytes: number): boolean {
    if (this.#left > 0) {
      this.#left -= bytes;
      return true;
    }
    if (this.#due.push({ reader, bytes }) === 1) this.#later(this.#run);
    return false;
  }

  #next(): void {
    this.#left = this.#turnBytes;
    const due = this.#due;
    let count = 0;
    while (count < due.length && this.#left > 0) this.#left -= due[count++]!.bytes;
    this.#due = due.slice(count);
    if (this.#due.length > 0) {
      this.#left = 0;
      this.#later(this.#run);
    }
    for (let i = 0; i < count; i++) due[i]!.reader.readDue();
  }
}
