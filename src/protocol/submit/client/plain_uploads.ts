/**
 * Uploads to a plain server: frames as those of other submits, sent as their sources give them.
 *
 * @module
 */
import type { Connection } from "../../../connection/connection.ts";
import { type CallOptions, checkCallOptions } from "../../call_limits.ts";
import type { OpenCalls } from "../../open_calls.ts";
import { tooLarge } from "../../protocol.ts";
import { Command, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { writeU32 } from "../frame_out.ts";
import type { SubmitOptions, SubmitSource } from "./source.ts";
import { type Upload, uploadBytes, Uploads } from "./upload.ts";

/** What uploads need of the endpoint that makes them. */
export interface UploadLine {
  /** Where they are sent. */
  readonly connection: Connection;
  /** The longest frame. */
  readonly maxFrameBytes: number;
  /** The calls that they are among. */
  readonly open: OpenCalls<void>;
  /** Takes the next id: eight digits, to be copied. */
  nextId(): Uint8Array;
}

/** Uploads of one connection. */
export class PlainUploads {
  readonly #line: UploadLine;
  readonly #uploads: Uploads;
  /** Whether one has begun: the places of what is put out behind it are not exact. */
  begun = false;

  /** None yet. */
  constructor(line: UploadLine) {
    this.#line = line;
    this.#uploads = new Uploads(line.connection);
  }

  /** Submits what a source gives; settles when it is acknowledged. */
  // deno-lint-ignore require-await -- so that what is thrown rejects
  async submit(source: SubmitSource, options: CallOptions & SubmitOptions = {}): Promise<void> {
    const { connection, maxFrameBytes, open } = this.#line;
    checkCallOptions(options);
    const bytes = uploadBytes(options);
    const total = SUBMIT_HEADER_BYTES + bytes;
    if (total > maxFrameBytes) throw tooLarge(total, maxFrameBytes);
    const begin: Upload["begin"] = (answered, failed) => {
      const head = new Uint8Array(SUBMIT_HEADER_BYTES);
      writeU32(head, 0, total);
      head[4] = Command.SUBMIT;
      head.set(this.#line.nextId(), 5);
      const place = connection.outbound.position;
      open.book.limit(open.book.add(place, answered, failed), options, undefined);
      return head;
    };
    this.begun = true;
    return this.#uploads.send({ begin, source, bytes, crc32c: false }, () => open.refused);
  }
}
