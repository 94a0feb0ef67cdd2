/**
 * Options of a client's session.
 *
 * @module
 */
import type { SessionTicket } from "../protocol/client_session.ts";
import { MAX_TIMER_MS, type OptionSpec, type OptionSpecs, special, whole } from "./spec.ts";

/** Options of a client's session. */
export interface SessionClientOptions {
  /**
   * Asks the server for a session, in which calls and pushes outlive their connection: what is not
   * answered is sent again on the next one, and the server handles it once. With the ticket of an
   * earlier session (`client.session`), that one goes on. It implies the hello, and needs
   * `reconnect`, one server and one connection; without sessions at the server, connecting fails with
   * `UNSUPPORTED`.
   */
  readonly session?: boolean | SessionTicket;
  /**
   * Memory that the unanswered calls of a session may take, in bytes: 1 KiB to 1 GiB. A call for which
   * there is no room does what `overflow` says. A single larger one is still taken, by itself.
   *
   * @default {4194304}
   */
  readonly sessionBufferBytes?: number;
  /**
   * How long the calls of a session wait for another connection when theirs is lost, in milliseconds: 1
   * to 2,147,483,647. They fail then with `CONNECTION_CLOSED`, if their own deadlines have not passed
   * before.
   *
   * @default {60000}
   */
  readonly sessionMaxAgeMs?: number;
  /**
   * How many calls of a session lie between the oldest unanswered one and the newest at the most, both
   * included: 1 to 1,048,576, and not over the `window` of the server's sessions, which would not know
   * any more what it has done with the oldest.
   *
   * @default {4096}
   */
  readonly sessionWindow?: number;
}

/** The specs of {@linkcode SessionClientOptions}. */
export const SESSION_CLIENT: OptionSpecs<SessionClientOptions> = {
  session: session(),
  sessionBufferBytes: whole(4 << 20, 1 << 10, 1 << 30),
  sessionMaxAgeMs: whole(60_000, 1, MAX_TIMER_MS),
  sessionWindow: whole(4096, 1, 1 << 20),
};

function session(): OptionSpec<boolean | SessionTicket> {
  const wanted = "true, false, or a ticket { id, secret, lastPush? } of texts";
  return special<boolean | SessionTicket>((given) => {
    if (typeof given === "boolean") return undefined;
    if (typeof given !== "object" || given === null) return wanted;
    const { id, secret, lastPush = "00000000" } = given as Partial<Record<string, unknown>>;
    if (typeof id !== "string" || typeof secret !== "string") return `${wanted}`;
    return typeof lastPush === "string" && /^[0-9]{8}$/.test(lastPush) ? undefined : wanted;
  });
}
