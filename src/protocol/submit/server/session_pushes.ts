/**
 * Pushes of a session on the connection that carries it: those that the peer has not, in their order, as
 * far ahead of its acknowledgements as they may be.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import type { Session } from "../../../session/session.ts";
import type { ServerSide } from "../../protocol.ts";
import { Command, idText, LAST_ID, readId, writeId } from "../commands.ts";
import type { FrameOut } from "../frame_out.ts";

const ids = /* @__PURE__ */ new Uint8Array(8);

/** What one connection is pushed of its session. */
export class SessionPushes {
  readonly #session: Session;
  readonly #side: ServerSide;
  readonly #out: FrameOut;
  /** The last one that was sent on this connection, or that the peer had before. */
  #sent: number;
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(session: Session, side: ServerSide, out: FrameOut) {
    this.#session = session;
    this.#side = side;
    this.#out = out;
    this.#sent = session.acknowledgedPush;
  }

  /** Sends what may be sent. Returns how many there were. */
  send(): number {
    const session = this.#session;
    const most = this.#side.pushLimits.maxUnackedPushes || Infinity;
    const last = Math.min(session.lastPush, session.acknowledgedPush + most);
    const first = this.#sent;
    while (this.#sent < last) {
      const { seq, payload } = session.pushAt(++this.#sent);
      writeId((seq - 1) % LAST_ID + 1, ids, 0);
      this.#out.put(Command.PUSH, ids, 0, payload);
    }
    if (this.#waiting.length > 0 && this.#sent === session.lastPush) {
      for (const { resolve } of this.#waiting.splice(0)) resolve();
    }
    return this.#sent - first;
  }

  /** The peer has received all pushes up to the one with the id at `bytes[at]`. */
  acknowledged(bytes: Uint8Array, at: number): void {
    const id = readId(bytes, at);
    const seq = id < 0 ? undefined : this.#session.pushOf(id);
    if (seq === undefined || seq > this.#sent) {
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `a PushAck names push ${JSON.stringify(idText(bytes, at))}, and ${this.#sent} were sent`,
      );
    }
    this.#session.acknowledge(seq);
    this.send();
  }

  /** Resolves when all pushes of the session are on their way to the peer. */
  drained(): Promise<void> {
    if (this.#sent === this.#session.lastPush) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The connection is closed: the next one goes on. */
  close(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
