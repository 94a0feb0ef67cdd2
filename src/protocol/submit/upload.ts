/**
 * Submits whose payload is not in memory: it is sent as its source gives it.
 *
 * @module
 */
import { type Connection, State } from "../../connection/connection.ts";
import { FramewireError, isFramewireError, thrownText } from "../../errors.ts";

/** A payload in parts. */
export type SubmitSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** What has to be known of a payload that comes in parts. */
export interface SubmitOptions {
  /** How long the payload is, all of it, in bytes: its frame says so before the first part. */
  readonly bytes?: number;
}

/** So much waits to be written before the source is asked for more, in bytes. */
const MOST_WAITING_BYTES = 256 * 1024;
/** The source is asked again when no more than this waits, in bytes. */
const ASK_AGAIN_BYTES = 64 * 1024;

/**
 * Sends a frame whose body comes from a source. What others send meanwhile leaves behind it.
 *
 * A frame that has begun cannot be taken back: when the source fails, or gives another number of bytes
 * than it was said to, the connection is cut.
 *
 * @param begin Gives the frame's head, when its turn has come.
 * @returns Settles when all is in the outbound queue, or the connection takes no more.
 * @throws FramewireError INVALID_CONTENT.
 */
export async function upload(
  connection: Connection,
  begin: () => Uint8Array,
  source: SubmitSource,
  bytes: number,
): Promise<void> {
  const { outbound } = connection;
  outbound.openLane();
  let sent = 0;
  // It leaves once the source has ended: one that goes on must not look like a whole payload.
  let last: Uint8Array | undefined;
  try {
    outbound.appendToLane(begin());
    for await (const part of partsOf(source)) {
      if (connection.state !== State.OPEN) return;
      sent += part.length;
      if (sent > bytes) throw new Error(`it gave more than the ${bytes} bytes it was said to have`);
      if (sent === bytes) last ??= part.slice();
      else outbound.appendToLane(part);
      connection.flushSoon();
      if (outbound.queuedBytes > MOST_WAITING_BYTES) {
        await connection.outbound.whenBelow(ASK_AGAIN_BYTES);
        if (connection.state !== State.OPEN) return;
      }
    }
    if (sent < bytes) throw new Error(`it gave ${sent} bytes of the ${bytes} it was said to have`);
    if (last !== undefined) outbound.appendToLane(last);
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
  }
}

/** The parts of a source; not every runtime iterates over a `ReadableStream` by itself. */
async function* partsOf(source: SubmitSource): AsyncGenerator<Uint8Array> {
  if (!("getReader" in source)) {
    yield* source;
    return;
  }
  const reader = source.getReader();
  let all = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      all = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!all) await reader.cancel().catch(() => {});
  }
}
