/**
 * Handlers behind the gates that look at single requests.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { GatesOptions } from "../options/gates.ts";
import type { RateServerOptions } from "../options/rate.ts";
import { isPromise } from "../protocol/is_promise.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import { GateRefusal } from "./gate_refusal.ts";
import { stoppable } from "./refuse_all.ts";

type Handler = (packet: never, conn: ServerConnection) => unknown;

/** Says whether a peer may do what a packet asks for: true, or a promise of it. */
export type AnyAuthorize = (packet: never, conn: never) => unknown;

/** What a gate has to know of a protocol. */
interface GatedProtocol {
  readonly name: string;
  readonly neverFails?: boolean;
}

/** What handlers are put behind. */
export interface HandlerGates extends RateServerOptions, GatesOptions {
  readonly authorize?: AnyAuthorize | undefined;
}

/**
 * Puts a server's handlers behind its gates; without any they are what was given.
 *
 * @param refused Told of a request that a gate has refused.
 * @throws FramewireError INVALID_OPTION when the protocol cannot answer that a request is refused.
 */
export function gatedHandlers(
  protocol: GatedProtocol,
  { onRate, authorize, packetsBeforeAuth: before }: HandlerGates,
  handlers: unknown,
  refused: (gate: "authorize" | "authenticate", conn: ServerConnection) => void,
): unknown {
  let gated = handlers ?? {};
  if (typeof gated !== "object") return gated; // the protocol says what is wrong with it
  if (authorize !== undefined) {
    refusable(protocol, "authorize");
    if (typeof authorize !== "function") {
      throw new FramewireError("INVALID_OPTION", "authorize must be a function");
    }
    gated = mapped(gated, (handler, name) =>
      protocol.name === "submit" && name === "conn"
        ? handler // it is no request
        : authorized(handler, authorize as Handler, (conn) => refused("authorize", conn)));
  }
  if (before !== undefined) {
    refusable(protocol, "packetsBeforeAuth");
    checkBefore(protocol, before, gated);
    gated = mapped(
      gated,
      (handler, name) =>
        before.includes(name)
          ? handler
          : afterAuth(handler, (conn) => refused("authenticate", conn)),
    );
  }
  // Without a rate too: one may come by `server.reconfigure`.
  if (onRate === "busy") {
    refusable(protocol, 'onRate "busy"', ': onRate must be "delay" or "close"');
    gated = mapped(gated, stoppable);
  }
  return gated;
}

function authorized(
  handler: Handler,
  authorize: Handler,
  refused: (conn: ServerConnection) => void,
): Handler {
  const check = (verdict: unknown, conn: ServerConnection) => {
    if (verdict === true) return;
    refused(conn);
    throw new GateRefusal("FORBIDDEN");
  };
  return (packet, conn) => {
    const verdict = authorize(packet, conn);
    if (isPromise(verdict)) {
      return Promise.resolve(verdict).then((settled) => {
        check(settled, conn);
        return handler(packet, conn);
      });
    }
    check(verdict, conn);
    return handler(packet, conn);
  };
}

function afterAuth(handler: Handler, refused: (conn: ServerConnection) => void): Handler {
  return (packet, conn) => {
    if (conn.principal === undefined) {
      refused(conn);
      throw new GateRefusal("UNAUTHENTICATED");
    }
    return handler(packet, conn);
  };
}

function checkBefore(protocol: GatedProtocol, before: readonly string[], handlers: object): void {
  if (protocol.name === "submit") {
    const message = "packetsBeforeAuth is for defined protocols: submit has authenticate";
    throw new FramewireError("INVALID_OPTION", message);
  }
  for (const name of before) {
    if (Object.hasOwn(handlers, name)) continue;
    const message = `packetsBeforeAuth names ${JSON.stringify(name)}, which has no handler`;
    throw new FramewireError("INVALID_OPTION", message);
  }
}

function refusable(protocol: GatedProtocol, option: string, instead = ""): void {
  if (protocol.neverFails !== true) return;
  const message = `${option} needs answers that say so, and ${protocol.name} has none${instead}`;
  throw new FramewireError("INVALID_OPTION", message);
}

function mapped(handlers: object, wrap: (handler: Handler, name: string) => Handler): object {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      typeof handler === "function" ? wrap(handler.bind(handlers) as Handler, name) : handler,
    ]),
  );
}
