/**
 * A client with a session: one connection after the other carries it, and its calls know nothing of that.
 *
 * @module
 */
import type { CloseReason } from "../connection/connection.ts";
import { FramewireError } from "../errors.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import type { Clock } from "../connection/clock.ts";
import {
  type ProtocolSession,
  type SessionOf,
  type SessionTicket,
} from "../protocol/client_session.ts";
import { callBook } from "../protocol/call_book.ts";
import { connectionLost, type Protocol } from "../protocol/protocol.ts";
import type { CloseOptions } from "./client.ts";
import { StayingClient, type StayingConfig } from "./reconnecting.ts";
import type { ReconnectingClient } from "./status.ts";

/** A session at one moment. As a ticket it lets another program, or a later client, go on with it. */
export interface SessionInfo extends SessionTicket {
  /** Whether the last connection went on with it; false when it began it. */
  readonly resumed: boolean;
  /** How often the server did not know the session any more, and has begun another one. */
  readonly lost: number;
}

/** A client with a session. */
export interface SessionClient extends ReconnectingClient {
  /** Its session now. It holds a secret: who has it can go on with the session. */
  readonly session: SessionInfo;
}

/** The client behind {@linkcode SessionClient}: everything but its protocol's calls. */
export class StayingSessionClient<Calls extends object> extends StayingClient<Calls>
  implements SessionClient {
  readonly #session: ProtocolSession;

  /** @param session What its connections carry. */
  constructor(config: StayingConfig<Calls>, session: ProtocolSession) {
    super(config);
    this.#session = session;
    void this.closed.then((reason) => this.#settle(reason));
  }

  /** Another connection has taken the session over. */
  takenOver(error: FramewireError): void {
    const { code, message } = error;
    this.#settle({ code, message, error });
    this.stop(error);
  }

  /** What is not answered will not be. */
  #settle(reason: CloseReason): void {
    const { pending } = this.#session;
    this.#session.end((outcome) => connectionLost(reason, pending, outcome));
  }

  /** {@inheritDoc SessionClient.session} */
  get session(): SessionInfo {
    const { ticket, resumed, lost } = this.#session;
    return { ...ticket!, resumed, lost };
  }

  override get pending(): number {
    return Math.max(super.pending, this.#session.pending);
  }

  override close(options?: CloseOptions): Promise<void> {
    const message = "the client was closed by this program";
    this.#session.refuse(new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" }));
    return super.close(options);
  }
}

/**
 * Makes the session that a client was asked for.
 *
 * @param takenOver Told when another connection has taken it over.
 * @throws FramewireError UNSUPPORTED.
 */
export function makeSession<Calls>(
  options: ResolvedClientOptions,
  protocol: Protocol<never, Calls>,
  clock: Clock,
  takenOver: (error: FramewireError) => void,
): SessionOf<Calls> {
  if (protocol.session === undefined) {
    throw new FramewireError("UNSUPPORTED", `the protocol ${protocol.name} has no sessions`);
  }
  const { session, maxFrameBytes, onError } = options;
  return protocol.session({
    limits: { ...options, clock, book: callBook },
    maxFrameBytes,
    bufferBytes: options.sessionBufferBytes,
    maxAgeMs: options.sessionMaxAgeMs,
    window: options.sessionWindow,
    ticket: typeof session === "object" ? session : undefined,
    report: (error) => onError?.(error),
    takenOver,
  });
}

/**
 * Checks that a client can have the session that it is asked for.
 *
 * @param servers How many servers there are.
 * @throws FramewireError INVALID_OPTION.
 */
export function checkSession(options: ResolvedClientOptions, servers: number): void {
  if (options.session === undefined || options.session === false) return;
  const needed = servers !== 1
    ? "one server, by its URL"
    : options.connectionsPerServer !== 1
    ? "connectionsPerServer 1"
    : !options.reconnect
    ? "reconnect: true"
    : undefined;
  if (needed !== undefined) throw new FramewireError("INVALID_OPTION", `a session needs ${needed}`);
}
