/**
 * The body of a long frame, on its way from the link to the handler that reads it.
 *
 * @module
 */

/** How much waits for the handler before the peer is not read from, in bytes. */
const MOST_WAITING_BYTES = 256 * 1024;

/** A body that comes in parts, and is read in parts. */
export class BodyStream {
  readonly #room: () => void;
  /** Parts that have come and were not read. */
  readonly #parts: Uint8Array[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;
  /** Ends the reader's wait for the next part. */
  #pulled: (() => void) | undefined;
  #ended = false;
  #discards = false;
  #error: Error | undefined;
  /** What waits to be read, in bytes. */
  waitingBytes = 0;

  /** @param room Called, never at once, when there is room again or the body is through. */
  constructor(room: () => void) {
    this.#room = room;
  }

  /** The body as a stream; the same one each time. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        if (this.#error !== undefined) controller.error(this.#error);
      },
      pull: () => {
        if (this.#give()) return;
        return new Promise<void>((resolve) => this.#pulled = resolve);
      },
      cancel: () => this.discard(),
    }, { highWaterMark: 0 });
  }

  /** Takes a part, whose memory is used again: it is copied. `left` more bytes follow it. */
  take(bytes: Uint8Array, left: number): void {
    if (left === 0) this.#ended = true;
    if (this.#discards) return;
    if (bytes.length > 0) {
      this.#parts.push(bytes.slice());
      this.waitingBytes += bytes.length;
    }
    if (this.#pulled !== undefined && this.#give()) {
      const pulled = this.#pulled;
      this.#pulled = undefined;
      pulled();
    }
  }

  /** Whether it has enough for now; with nothing `left`, whether some of it was not read. */
  waits(left: number): boolean {
    return left === 0 ? this.waitingBytes > 0 : this.waitingBytes >= MOST_WAITING_BYTES;
  }

  /** Nobody reads the rest. What comes of it is thrown away. */
  discard(): void {
    if (this.#discards) return;
    this.#discards = true;
    this.#parts.length = 0;
    this.waitingBytes = 0;
    queueMicrotask(this.#room);
  }

  /** The rest will not come: who reads it fails with this. */
  fail(error: Error): void {
    if (this.#discards || this.#isRead) return;
    this.#error = error;
    this.#controller?.error(error);
    this.discard();
    this.#pulled?.();
    this.#pulled = undefined;
  }

  /** All of it was read. */
  get #isRead(): boolean {
    return this.#ended && this.waitingBytes === 0;
  }

  /** Gives the reader the next part, or the end; false when there is neither. */
  #give(): boolean {
    const part = this.#parts.shift();
    if (part !== undefined) {
      this.waitingBytes -= part.length;
      this.#controller!.enqueue(part);
      queueMicrotask(this.#room);
    }
    if (this.#isRead && !this.#discards) this.#controller!.close();
    return part !== undefined || this.#ended;
  }
}
