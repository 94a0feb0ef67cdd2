/**
 * One of the command's two outputs, line by line.
 *
 * Never throws and never rejects: when the reader is gone (`| head -1`), what follows is dropped
 * and `closed` tells.
 *
 * @module
 */

/** What the runtime gives for an output. */
export interface Sink {
  readonly writable: WritableStream<Uint8Array>;
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** A writer is asked to wait for {@linkcode Output.room} while more than this is queued. */
const ROOM_CHARACTERS = 64 * 1024;
/** Over this, lines are dropped: a log that nobody reads must not fill the memory of a server. */
const MOST_CHARACTERS = 1024 * 1024;

const encoder = new TextEncoder();

/** Standard output or standard error. */
export class Output {
  readonly #sink: Sink;
  /** Whether it is a terminal. */
  readonly terminal: boolean;
  /** Aborts when its reader is gone. */
  readonly #closed = new AbortController();
  #queue = "";
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.terminal = sink.isTerminal();
  }

  /** Aborts when its reader is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Writes a line. */
  line(text: string): void {
    this.write(`${text}\n`);
  }

  /**
   * Writes text. To a terminal at once, so that it keeps its place among what handlers print with
   * `console.log`; to anything else in the order of the calls, behind the write under way.
   */
  write(text: string): void {
    if (this.#closed.signal.aborted) return;
    if (this.terminal) {
      this.#writeNow(encoder.encode(text));
    } else if (this.#queue.length > MOST_CHARACTERS) {
      this.#dropped++;
    } else {
      this.#queue += text;
      this.#writing ??= this.#drain();
    }
  }

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    while (this.#queue.length > ROOM_CHARACTERS) await this.#writing;
  }

  /** Resolves when all is written, or its reader gone. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #writeNow(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#sink.writeSync(bytes.subarray(at));
    } catch {
      this.#closed.abort();
    }
  }

  async #drain(): Promise<void> {
    const writer = this.#sink.writable.getWriter();
    try {
      await Promise.resolve(); // the lines of this turn leave together
      while (this.#queue !== "") {
        let text = this.#queue;
        this.#queue = "";
        if (this.#dropped > 0) text += `(${this.#dropped} lines were dropped)\n`;
        this.#dropped = 0;
        await writer.write(encoder.encode(text));
      }
    } catch {
      this.#queue = "";
      this.#closed.abort();
    } finally {
      writer.releaseLock();
      this.#writing = undefined;
    }
  }
}
