/**
 * Submits whose payload is not in memory: it is sent as its source gives it.
 *
 * @module
 */
import { crc32c } from "../../../codec/checksum.ts";
import { copyOf } from "../../../codec/copy_of.ts";
import { type Connection, State } from "../../../connection/connection.ts";
import { FramewireError, isFramewireError, thrownText } from "../../../errors.ts";
import { describe } from "../../protocol.ts";
import { writeU32 } from "../frame_out.ts";
import type { SubmitOptions, SubmitSource } from "./source.ts";

/** A payload to be sent as its source gives it. */
export interface Upload {
  /** Gives the frame's head, when its turn has come, and says later how it was answered. */
  readonly begin: (answered: () => void, failed: (error: Error) => void) => Uint8Array;
  readonly source: SubmitSource;
  /** How long the payload is. */
  readonly bytes: number;
  /** Whether a CRC-32C of all of the frame follows it. */
  readonly crc32c: boolean;
}

/**
 * The length of a payload that comes in parts.
 *
 * @throws FramewireError INVALID_OPTION when it is not said.
 */
export function uploadBytes({ bytes }: SubmitOptions): number {
  if (bytes !== undefined && Number.isInteger(bytes) && bytes >= 0) return bytes;
  throw new FramewireError(
    "INVALID_OPTION",
    "the payload is a stream: submit(stream, { bytes }) needs its length, a whole number, and " +
      `bytes is ${describe(bytes)}`,
    { outcome: "not-sent" },
  );
}

/** So much waits to be written before the source is asked for more, in bytes. */
const MOST_WAITING_BYTES = 256 * 1024;
/** The source is asked again when no more than this waits, in bytes. */
const ASK_AGAIN_BYTES = 64 * 1024;

/** Uploads of one connection: one after the other, what is sent meanwhile goes behind the one under way. */
export class Uploads {
  readonly #connection: Connection;
  /** Settles when those asked for so far are sent; undefined when none is under way. */
  #last: Promise<void> | undefined;
  /** Ends the wait for what a source gives next. */
  #stop: (() => void) | undefined;

  /** None yet. */
  constructor(connection: Connection) {
    this.#connection = connection;
    connection.outbound.onClosed = () => this.#stop?.();
  }

  /**
   * Sends one, at once if it can: what is submitted after it is behind it then.
   *
   * @param refused Why it cannot be sent any more, when its turn has come.
   * @returns Settles when all of it is in the outbound queue and answered; rejects when either fails,
   * however long its source may still be silent.
   */
  send(upload: Upload, refused: () => FramewireError | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => upload.begin(() => void sent.then(resolve, reject), reject);
      const sent = this.#last === undefined ? this.#send(upload, begin) : this.#last.then(() => {
        const error = refused();
        if (error !== undefined) throw error;
        return this.#send(upload, begin);
      });
      sent.catch(reject);
      const settled = sent.catch(() => {}).then(() => {
        if (this.#last === settled) this.#last = undefined;
      });
      this.#last = settled;
    });
  }

  /**
   * Sends a frame whose body comes from a source. What others send meanwhile leaves behind it.
   *
   * A frame that has begun cannot be taken back: when the source fails, or gives another number of bytes
   * than it was said to, the connection is cut.
   *
   * @returns Settles when all is in the outbound queue, or the connection takes no more.
   * @throws FramewireError INVALID_CONTENT.
   */
  async #send({ source, bytes, crc32c: isChecked }: Upload, begin: () => Uint8Array) {
    const connection = this.#connection;
    const { outbound } = connection;
    outbound.openLane();
    let sent = 0;
    // It leaves once the source has ended: one that goes on must not look like a whole payload.
    let last: Uint8Array | undefined;
    const parts = new SourceParts(source);
    try {
      const head = begin();
      let checksum = isChecked ? crc32c(head) : 0;
      outbound.appendToLane(head);
      connection.flushSoon(); // the source may take its time
      for (;;) {
        const part = await this.#next(parts);
        if (connection.state !== State.OPEN) return;
        if (part === undefined) break;
        sent += part.length;
        if (sent > bytes) {
          throw new Error(`it gave more than the ${bytes} bytes it was said to have`);
        }
        if (isChecked) checksum = crc32c(part, checksum);
        if (sent === bytes) last ??= copyOf(part);
        else outbound.appendToLane(part);
        connection.flushSoon();
        if (outbound.queuedBytes > MOST_WAITING_BYTES) {
          await outbound.whenBelow(ASK_AGAIN_BYTES);
          if (connection.state !== State.OPEN) return;
        }
      }
      if (sent < bytes) {
        throw new Error(`it gave ${sent} bytes of the ${bytes} it was said to have`);
      }
      if (last !== undefined) outbound.appendToLane(last);
      if (isChecked) {
        const trailer = new Uint8Array(4);
        writeU32(trailer, 0, checksum);
        outbound.appendToLane(trailer);
      }
      outbound.closeLane();
      connection.flushSoon();
    } catch (cause) {
      const error = isFramewireError(cause) ? cause : new FramewireError(
        "INVALID_CONTENT",
        `the source of a submit's payload failed inside of its frame: ${thrownText(cause)}`,
        { cause },
      );
      connection.abort({ code: error.code, message: error.message, error });
      throw error; // and the lane stays open: nothing may follow half a frame
    } finally {
      parts.letGo();
    }
  }

  /** What a source gives next; undefined at its end, and when the connection is closed. */
  #next(parts: SourceParts): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#stop = () => resolve(undefined);
      parts.next().then(resolve, reject);
    });
  }
}

/** The parts of a source; not every runtime iterates over a `ReadableStream` by itself. */
class SourceParts {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #iterator: AsyncIterator<Uint8Array> | undefined;
  #ended = false;

  constructor(source: SubmitSource) {
    if ("getReader" in source) this.#reader = source.getReader();
    else this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next one; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await (this.#reader?.read() ?? this.#iterator!.next());
      if (done) this.#ended = true;
      return done ? undefined : value;
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  /** No more is asked for: before its end, the source is told. */
  letGo(): void {
    if (this.#ended) return;
    const told = this.#reader?.cancel() ?? this.#iterator?.return?.();
    told?.catch(() => {});
  }
}
