/**
 * Protocols by name, and what a choice of protocol means for the types of a server and a client.
 *
 * @module
 */
import { FramewireError, isFramewireError, thrownText } from "../errors.ts";
import type { DefinedProtocol } from "./defined/define.ts";
import type { DefinedBroadcast, DefinedConnection } from "./defined/definition.ts";
import { echo } from "./echo/mod.ts";
import { describe, type Protocol, type ServerConnection } from "./protocol.ts";
import type { SubmitCalls } from "./submit/client/calls.ts";
import type { SubmitConnection, SubmitHandlers } from "./submit/server/handlers.ts";
import { submit } from "./submit/mod.ts";
import type { PushCalls } from "./submit/client/push_inbox.ts";

/** The built-in protocols by name. */
export interface BuiltinProtocols {
  /** Requests with an id, acknowledged by a result. */
  readonly submit: typeof submit;
  /** Data sent back as it came. */
  readonly echo: typeof echo;
}

/** The name of a built-in protocol, or a protocol. */
// The handlers stand in a contravariant place: `never` is what every protocol's handlers accept.
export type ProtocolChoice = keyof BuiltinProtocols | Protocol<never, unknown>;

/** The protocol that a choice means. */
export type Chosen<P extends ProtocolChoice> = P extends keyof BuiltinProtocols
  ? BuiltinProtocols[P]
  : P;

/** The handlers that a server of a protocol takes. */
export type HandlersOf<P extends ProtocolChoice> = Chosen<P> extends
  Protocol<infer Handlers, infer _> ? Handlers
  : never;

/** The packets that the handlers of a protocol are given. */
export type PacketOf<P extends ProtocolChoice> = {
  [Name in keyof HandlersOf<P>]-?: NonNullable<HandlersOf<P>[Name]> extends
    (packet: infer Packet, ...others: infer _) => unknown ? Packet : never;
}[keyof HandlersOf<P>];

/** The connection as the handlers and listeners of a server of a protocol see it. */
export type ConnOf<P extends ProtocolChoice> = Chosen<P> extends
  DefinedProtocol<infer H, infer Packets> ? DefinedConnection<H, Packets>
  : Chosen<P> extends Protocol<SubmitHandlers, SubmitCalls> ? SubmitConnection
  : ServerConnection;

/** What `broadcast` of a server of a protocol takes; `Otherwise` for those that are not defined. */
export type BroadcastOf<P extends ProtocolChoice, Otherwise> = Chosen<P> extends
  DefinedProtocol<infer H, infer Packets> ? DefinedBroadcast<H, Packets> : Otherwise;

/** What a client of a protocol can call. */
export type CallsOf<P extends ProtocolChoice> = Chosen<P> extends Protocol<infer _, infer Calls>
  ? Calls extends SubmitCalls ? Calls & PushCalls : Calls
  : never;

const builtin: BuiltinProtocols = { submit, echo };

/**
 * Finds the protocol that a choice means.
 *
 * @throws FramewireError INVALID_OPTION when there is none.
 */
export function chooseProtocol(choice: ProtocolChoice): Protocol<never, unknown> {
  if (typeof choice === "object" && choice !== null && typeof choice.server === "function") {
    return choice;
  }
  if (typeof choice === "string" && Object.hasOwn(builtin, choice)) return builtin[choice];
  throw new FramewireError(
    "INVALID_OPTION",
    `protocol must be "submit", "echo" or a protocol object and is ${describe(choice)}`,
  );
}

/**
 * Loads what the endpoints of a protocol are made of; undefined when there is nothing to wait for.
 *
 * @throws FramewireError LINK_FAILED when it cannot be loaded.
 */
export function loadProtocol(protocol: Protocol<never, unknown>): Promise<unknown> | undefined {
  return protocol.load?.()?.catch((cause) => {
    if (isFramewireError(cause)) throw cause;
    const message = `the protocol ${protocol.name} could not be loaded: ${thrownText(cause)}`;
    throw new FramewireError("LINK_FAILED", message, { cause });
  });
}
