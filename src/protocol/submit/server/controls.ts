/**
 * Frames of a peer that has said hello which are no requests: pings, acknowledgements of pushes, credit,
 * notices; and those that the server sends by itself.
 *
 * @module
 */
import type { Connection, GoAwayNotice } from "../../../connection/connection.ts";
import { FramewireError } from "../../../errors.ts";
import {
  Command,
  CONN_ID,
  type Feature,
  hex,
  MAX_PING_BYTES,
  SUBMIT_HEADER_BYTES,
} from "../commands.ts";
import { unexpected, wrongBody } from "../frame_in.ts";
import { FrameMemory, FrameOut, readU32, writeU32 } from "../frame_out.ts";

/** Bytes of a Request before its payload, over those of a Submit: its timeout. */
export const TIMEOUT_BYTES = 4;

const pings: Uint8Array[] = [];

/**
 * An empty Ping. All connections send the same bytes: thousands of them are asked for a sign of life in
 * one sweep, and a buffer for each would be 4 KB.
 */
function pingFrame(crc32c: boolean): Uint8Array {
  const at = crc32c ? 1 : 0;
  if (pings[at] === undefined) {
    const memory = new FrameMemory();
    new FrameOut(memory, { crc32c }).put(Command.PING, CONN_ID, 0, new Uint8Array(0));
    pings[at] = memory.take();
  }
  return pings[at];
}

/** Who is told that pushes are acknowledged. */
interface AckTaker {
  /** The peer has received all pushes up to the one with the id at `bytes[at]`. */
  acknowledged(bytes: Uint8Array, at: number): void;
}

/** What one connection says besides replies. */
export class Controls {
  readonly #connection: Connection;
  readonly #out: FrameOut;
  readonly #features: ReadonlySet<Feature>;
  readonly #pushes: AckTaker | undefined;

  /** @param pushes Needed with the feature `push`. */
  constructor(
    connection: Connection,
    out: FrameOut,
    features: ReadonlySet<Feature>,
    pushes: AckTaker | undefined,
  ) {
    this.#connection = connection;
    this.#out = out;
    this.#features = features;
    this.#pushes = pushes;
  }

  /**
   * Takes a frame that is neither a request nor a Cancel.
   *
   * @throws FramewireError UNEXPECTED_PACKET, UNKNOWN_PACKET, INVALID_FIELD, BODY_TOO_SHORT.
   */
  take(bytes: Uint8Array, offset: number, length: number, command: number): void {
    switch (command) {
      case Command.PING:
      case Command.PONG:
        this.need("ping", command);
        if (length > SUBMIT_HEADER_BYTES + MAX_PING_BYTES) {
          throw wrongBody(command, "Ping", length, `${MAX_PING_BYTES} at the most`);
        }
        if (command === Command.PING) {
          const body = bytes.subarray(offset + SUBMIT_HEADER_BYTES, offset + length);
          this.#out.put(Command.PONG, bytes, offset + 5, body);
        }
        return;
      case Command.PUSH_ACK:
        this.need("push", command);
        if (length !== SUBMIT_HEADER_BYTES) throw wrongBody(command, "PushAck", length, "none");
        this.#pushes!.acknowledged(bytes, offset + 5);
        return;
      case Command.CREDIT:
        // A server sends no requests: what it may send is of no interest.
        this.need("credit", command);
        if (length !== SUBMIT_HEADER_BYTES + 8) throw wrongBody(command, "Credit", length, "8");
        return;
      case Command.GO_AWAY:
        this.need("drain", command);
        if (length < SUBMIT_HEADER_BYTES + 8) {
          throw wrongBody(command, "GoAway", length, "8 or more");
        }
        return;
    }
    throw unexpected(command, bytes, offset, length);
  }

  /** Checks that a Cancel is one. */
  checkCancel(length: number): void {
    this.need("request", Command.CANCEL);
    if (length === SUBMIT_HEADER_BYTES) return;
    throw wrongBody(Command.CANCEL, "Cancel", length, "none");
  }

  /** The timeout of a Request, in milliseconds; 0 for none. */
  timeout(bytes: Uint8Array, offset: number, length: number): number {
    this.need("request", Command.REQUEST);
    if (length >= SUBMIT_HEADER_BYTES + TIMEOUT_BYTES) {
      return readU32(bytes, offset + SUBMIT_HEADER_BYTES);
    }
    throw wrongBody(Command.REQUEST, "Request", length, "a timeout of 4 bytes and the payload");
  }

  /** Checks that a feature is agreed upon. */
  need(feature: Feature, command: number): void {
    if (this.#features.has(feature)) return;
    throw new FramewireError(
      "UNEXPECTED_PACKET",
      `command ${hex(command)} needs the feature ${feature}, which hello and welcome have not ` +
        "agreed upon",
    );
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    if (!this.#features.has("ping")) return false;
    this.#connection.outbound.appendShared(pingFrame(this.#features.has("crc32c")));
    return true; // the connection flushes
  }

  /**
   * Tells a peer that knows it that the connection will soon end.
   *
   * @param lastId The id of the last request taken.
   */
  goAway({ deadlineMs, spreadMs, reason }: GoAwayNotice, lastId: Uint8Array): void {
    if (!this.#features.has("drain")) return;
    const text = new TextEncoder().encode(reason);
    const at = this.#out.begin(Command.GO_AWAY, lastId, 0, 8 + text.length);
    writeU32(this.#out.buffer, at, deadlineMs);
    writeU32(this.#out.buffer, at + 4, spreadMs);
    this.#out.buffer.set(text, at + 8);
    this.#out.end(8 + text.length);
    this.#connection.flushSoon();
  }
}
