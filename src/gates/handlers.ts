/**
 * Handlers behind the gates that look at single requests.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { RateServerOptions } from "../options/rate.ts";
import { stoppable } from "./refuse_all.ts";

type Handler = (packet: unknown, conn: unknown) => unknown;

/** What a gate has to know of a protocol. */
interface GatedProtocol {
  readonly name: string;
  readonly neverFails?: boolean;
}

/**
 * Puts a server's handlers behind its gates; without any they are what was given.
 *
 * @throws FramewireError INVALID_OPTION when the protocol cannot answer that a request is refused.
 */
export function gatedHandlers(
  protocol: GatedProtocol,
  { rate, onRate }: RateServerOptions,
  handlers: unknown,
): unknown {
  const given = handlers ?? {};
  if (rate === undefined || onRate !== "busy") return given;
  refusable(protocol, 'onRate "busy"', 'onRate must be "delay" or "close"');
  return mapped(given, stoppable);
}

function refusable(protocol: GatedProtocol, option: string, instead: string): void {
  if (protocol.neverFails !== true) return;
  const message = `${option} needs answers that say so, and ${protocol.name} has none: ${instead}`;
  throw new FramewireError("INVALID_OPTION", message);
}

/** What is no object of functions is left as it is: the protocol says what is wrong with it. */
function mapped(handlers: unknown, wrap: (handler: Handler) => Handler): unknown {
  if (typeof handlers !== "object" || handlers === null) return handlers;
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      typeof handler === "function" ? wrap(handler.bind(handlers) as Handler) : handler,
    ]),
  );
}
