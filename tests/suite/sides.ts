/**
 * What a behaviour of the suite is, and what its two sides have: a server in one process, a client in
 * another, on runtimes that neither knows.
 *
 * @module
 */

import type { Client } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/connect.ts";
import type { SessionClient } from "../../src/client/session_client.ts";
import type { ReconnectingClient } from "../../src/client/status.ts";
import type { CallsOf, HandlersOf, ProtocolChoice } from "../../src/protocol/choice.ts";
import type { SessionTicket } from "../../src/protocol/client_session.ts";
import type { SubmitHandlers } from "../../src/protocol/submit/server/handlers.ts";
import type { RequestPacket } from "../../src/protocol/submit/server/request_packet.ts";
import type { DrainResult } from "../../src/server/drain.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { ShutdownOptions } from "../../src/server/handle.ts";
import type { Raw } from "./hosts/raw.ts";

/** What carries the bytes: as URLs name it, or a network in memory. */
export type Carrier = "tcp" | "tls" | "ws" | "wss" | "unix" | "memory";

/** Every carrier, in the order of tables. */
export const CARRIERS: readonly Carrier[] = ["tcp", "tls", "ws", "wss", "unix", "memory"];

/** Which codec both sides use. */
export type CodecName = "auto" | "ts" | "wasm";

/** What all pairs are tried with: the default, and each codec alone. */
export const CODEC_NAMES: readonly CodecName[] = ["auto", "ts", "wasm"];

/** What a server needs that not every host of it has. */
export type Need =
  /** Being shut down while its connections stand. */
  | "shutdown"
  /** One server for all connections. */
  | "one server";

/** One behaviour. */
export interface Behaviour {
  /** Its name in programs: letters alone. */
  readonly id: string;
  /** Its name for people. */
  readonly title: string;
  readonly needs?: readonly Need[];
  /** Sets a server up. */
  server(control: ServerControl): Served;
  /** What a client does with it, and finds. */
  client(side: ClientSide): Promise<void>;
  /** What is wrong with how the server ended, if something is. */
  ended?(result: DrainResult): string | undefined;
}

/** What the server's side of a behaviour has of its host. */
export interface ServerControl {
  /** The codes of errors that the server has reported, oldest first. */
  readonly errors: string[];
  /** Shuts the server down; not to be called without the need `"shutdown"`. */
  shutdown(options: ShutdownOptions): void;
}

/** A server that is set up: options and handlers of its protocol. */
export interface Served {
  readonly options: object;
  readonly handlers: object;
}

/** A server of `submit`. */
export function submitServer(options: ServeOptions<"submit">, handlers: SubmitHandlers): Served {
  return { options, handlers };
}

/** A server of another protocol. */
export function serverOf<P extends ProtocolChoice>(
  protocol: P,
  options: ServeOptions<P>,
  handlers: HandlersOf<P>,
): Served {
  return { options: { ...options, protocol }, handlers: handlers as object };
}

/** Answers the request `errors` with what the server has reported so far, any other with `otherwise`. */
export function tellErrors(
  { errors }: ServerControl,
  packet: RequestPacket,
  otherwise: (text: string) => string | Uint8Array | Promise<string>,
): string | Uint8Array | Promise<string> {
  const text = packet.text();
  return text === "errors" ? JSON.stringify(errors) : otherwise(text);
}

/** What the client's side of a behaviour has. */
export interface ClientSide {
  /** A number that no other run has. */
  readonly run: number;
  readonly carrier: Carrier;
  /** Connects once. */
  connect<P extends ProtocolChoice = "submit">(
    options?: ConnectOptions<P>,
  ): Promise<Client & CallsOf<P>>;
  /** Connects and stays. */
  stay<P extends ProtocolChoice = "submit">(
    options?: ConnectOptions<P>,
  ): Promise<ReconnectingClient & CallsOf<P>>;
  /** Connects with a session. */
  session(session: true | SessionTicket): Promise<SessionClient & CallsOf<"submit">>;
  /** Connects to where nothing listens. */
  connectToNobody(): Promise<Client>;
  /** Connects by hand. */
  raw(): Promise<Raw>;
  /** Cuts every connection that `stay` and `session` have made, as a network that breaks does. */
  cut(): void;
  /** Compares by value. @throws Error with what was expected and what came. */
  equal(actual: unknown, expected: unknown, what: string): void;
  /** @throws Error. */
  ok(holds: boolean, what: string): void;
}

/** UTF-8 as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A turn of the event loop: what is due runs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** How a call ended, in words: `ok`, or its error's code and outcome. */
export function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(() => "ok", ({ code, outcome, message }) => {
    return code === undefined ? String(message) : `${code} ${outcome}`;
  });
}
