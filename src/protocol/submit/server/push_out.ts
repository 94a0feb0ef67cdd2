/**
 * Pushes to one connection: their numbers, their frames, and what the peer has acknowledged.
 *
 * A broadcast is one payload for many connections, and each has numbers of its own. So only headers are
 * written for each; the payload, compressed or not, and its checksum are made once and shared.
 *
 * @module
 */
import { combineCrc32c, crcShift } from "../../../codec/crc_combine.ts";
import { type Connection, State } from "../../../connection/connection.ts";
import type { PushBytes } from "../../../connection/push_bytes.ts";
import { type PushOutcome, PushQueue, type PushWindow } from "../../../connection/push_queue.ts";
import type { SlowConsumer } from "../../../connection/slow_consumer.ts";
import { FramewireError } from "../../../errors.ts";
import { type ServerSide, tooLarge } from "../../protocol.ts";
import { Command, idText, LAST_ID, readId, SUBMIT_HEADER_BYTES, writeId } from "../commands.ts";
import { compressBody, frameChecksum, type FrameOut, writeU32 } from "../frame_out.ts";
import { COMPRESSED, type FrameFeatures } from "../seal.ts";

/** A payload as it stands in frames, and what their checksums need of it. */
interface Body {
  readonly command: number;
  readonly bytes: Uint8Array;
  readonly crc: number;
  readonly shift: number;
}

/** The bodies of a broadcast that have been made: as it is, and compressed where that is shorter. */
interface Bodies {
  plain?: Body;
  packed?: Body;
}

/** From so many bytes on a shared payload is not copied into each connection's queue. */
const SHARED_BYTES = 16 * 1024;
const CHECKSUM_BYTES = 4;

const broadcasts = new WeakMap<PushBytes, Bodies>();
const ids = /* @__PURE__ */ new Uint8Array(8);

/** Makes a push one whose bodies are made once for many connections; it must own its payload. */
export function shareBodies(push: PushBytes): void {
  broadcasts.set(push, {});
}

/** What one connection is pushed. */
export class PushOut implements PushWindow {
  readonly #connection: Connection;
  readonly #side: ServerSide;
  readonly #features: FrameFeatures;
  readonly #out: FrameOut;
  /** Pushes sent so far, and how many of them the peer has acknowledged. */
  #sent = 0;
  #acked = 0;

  constructor(
    connection: Connection,
    side: ServerSide,
    features: FrameFeatures,
    out: FrameOut,
  ) {
    this.#connection = connection;
    this.#side = side;
    this.#features = features;
    this.#out = out;
  }

  /** Pushes sent that the peer has not acknowledged. */
  get unacked(): number {
    return this.#sent - this.#acked;
  }

  /** Whether one more may be sent. Once the connection ends, no acknowledgement will come. */
  get open(): boolean {
    const most = this.#side.pushLimits.maxUnackedPushes;
    return most === 0 || this.unacked < most || this.#connection.state !== State.OPEN;
  }

  /**
   * Sends a payload, as soon as the peer has taken enough of what was sent before.
   *
   * @throws FramewireError FRAME_TOO_LARGE.
   */
  push(push: PushBytes, policy?: SlowConsumer): PushOutcome {
    const { maxFrameBytes } = this.#side.options;
    const total = SUBMIT_HEADER_BYTES + push.bytes.length;
    if (total > maxFrameBytes) throw tooLarge(total, maxFrameBytes);
    const connection = this.#connection;
    connection.pushes ??= new PushQueue(
      connection,
      this.#side.pushLimits,
      (push) => this.#encode(push),
      (episode) => this.#side.dropped(episode),
      this,
    );
    return connection.pushes.offer(push, policy);
  }

  /** The peer has received all pushes up to the one with the id at `bytes[at]`. */
  acknowledged(bytes: Uint8Array, at: number): void {
    const id = readId(bytes, at);
    const ahead = (id - 1 - this.#acked % LAST_ID + LAST_ID) % LAST_ID + 1;
    if (id >= 1 && ahead <= this.unacked) this.#acked += ahead;
    else if (id !== 0 && (id < 0 || ahead <= LAST_ID / 2)) {
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `a PushAck names push ${JSON.stringify(idText(bytes, at))}, and ${this.#sent} were sent`,
      );
    } // else: one that was acknowledged already
  }

  /** Puts a push into the outbound queue, as the frame with the next number. */
  #encode(push: PushBytes): void {
    writeId(this.#sent++ % LAST_ID + 1, ids, 0);
    const payload = push.bytes;
    const bodies = broadcasts.get(push);
    const { crc32c, lz4 } = this.#features;
    if (bodies === undefined || (!crc32c && !lz4 && payload.length < SHARED_BYTES)) {
      this.#out.put(Command.PUSH, ids, 0, payload);
      return;
    }
    this.#share(
      lz4 ? bodies.packed ??= packed(payload, bodies) : bodies.plain ??= plain(payload),
    );
  }

  #share({ command, bytes, crc, shift }: Body): void {
    const { outbound } = this.#connection;
    const { crc32c } = this.#features;
    const total = SUBMIT_HEADER_BYTES + bytes.length + (crc32c ? CHECKSUM_BYTES : 0);
    const header = outbound.reserve(SUBMIT_HEADER_BYTES);
    const start = outbound.at;
    writeU32(header, start, total);
    header[start + 4] = command;
    header.set(ids, start + 5);
    outbound.commit(SUBMIT_HEADER_BYTES);
    const sum = crc32c ? frameChecksum().compute(header, start, start + SUBMIT_HEADER_BYTES) : 0;
    if (bytes.length < SHARED_BYTES) outbound.append(bytes);
    else outbound.appendShared(bytes);
    if (!crc32c) return;
    const trailer = outbound.reserve(CHECKSUM_BYTES);
    writeU32(trailer, outbound.at, combineCrc32c(sum, crc, shift));
    outbound.commit(CHECKSUM_BYTES);
  }
}

function plain(payload: Uint8Array): Body {
  return bodyOf(Command.PUSH, payload);
}

function packed(payload: Uint8Array, bodies: Bodies): Body {
  const bytes = compressBody(payload);
  if (bytes === undefined) return bodies.plain ??= plain(payload);
  return bodyOf(Command.PUSH | COMPRESSED, bytes);
}

function bodyOf(command: number, bytes: Uint8Array): Body {
  const crc = frameChecksum().compute(bytes, 0, bytes.length);
  return { command, bytes, crc, shift: crcShift(bytes.length) };
}
