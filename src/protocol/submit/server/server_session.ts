/**
 * A session as a server's program sees it, and what its connections share.
 *
 * @module
 */
import { PushBytes } from "../../../connection/push_bytes.ts";
import type { PushLimits, PushOutcome } from "../../../connection/push_queue.ts";
import type { Session } from "../../../session/session.ts";
import { type ServerSide, tooLarge } from "../../protocol.ts";
import { SUBMIT_HEADER_BYTES } from "../commands.ts";
import { type SessionLine, SessionRequests } from "./session_requests.ts";

/** A session of a `submit` server. It outlives its connections. */
export interface ServerSession {
  /** Its name: 32 hexadecimal digits. It is no secret. */
  readonly id: string;
  /** The name of the principal that it belongs to; empty without authentication. */
  readonly owner: string;
  /** Whether a connection carries it. */
  readonly carried: boolean;
  /** Pushes that its client has not acknowledged. */
  readonly unackedPushes: number;
  /**
   * Pushes a payload to its client: at once, or when it comes back. It is kept until the client has it.
   *
   * @param payload Bytes, or text to be sent as UTF-8. Its memory is free at once.
   * @returns `"queued"`, or `"dropped"` when the client has not acknowledged as much as `maxPushBytes` of the
   * option `sessions`, or the session is over.
   * @throws FramewireError FRAME_TOO_LARGE.
   */
  push(payload: Uint8Array | string): PushOutcome;
}

const carried = new WeakMap<Session, CarriedSession>();
const encoder = /* @__PURE__ */ new TextEncoder();

/** What all connections of a session share, one after the other. */
export class CarriedSession implements ServerSession {
  readonly session: Session;
  readonly #maxFrameBytes: number;
  readonly #limits: PushLimits;
  /** Its requests under way; from the first one on that takes its time. */
  underWay: SessionRequests | undefined;

  constructor(session: Session, { options, pushLimits }: ServerSide) {
    this.session = session;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#limits = pushLimits;
  }

  get id(): string {
    return this.session.id;
  }

  get owner(): string {
    return this.session.owner;
  }

  get carried(): boolean {
    return this.session.isCarried;
  }

  get unackedPushes(): number {
    return this.session.pushesKept;
  }

  push(payload: Uint8Array | string | PushBytes): PushOutcome {
    const push = payload instanceof PushBytes ? payload : pushOf(payload);
    const total = SUBMIT_HEADER_BYTES + push.bytes.length;
    if (total > this.#maxFrameBytes) throw tooLarge(total, this.#maxFrameBytes);
    push.own();
    if (this.session.push(push.bytes) > 0) return "queued";
    this.#limits.counters.drops++;
    return "dropped";
  }

  /** Its requests that take their time. */
  requests(line: SessionLine): SessionRequests {
    return this.underWay ??= new SessionRequests(this.session, line);
  }
}

/** What the connections of a session share. */
export function carriedSession(session: Session, side: ServerSide): CarriedSession {
  let shared = carried.get(session);
  if (shared === undefined) carried.set(session, shared = new CarriedSession(session, side));
  return shared;
}

function pushOf(payload: Uint8Array | string): PushBytes {
  return typeof payload === "string"
    ? new PushBytes(encoder.encode(payload), true)
    : new PushBytes(payload);
}
