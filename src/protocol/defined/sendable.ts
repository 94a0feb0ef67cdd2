/**
 * Which packets a side may send by itself.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import { describe } from "../protocol.ts";
import { other, type Side } from "./packet_table.ts";

/** A packet of a protocol. */
export interface Sendable {
  /** The side that may send it, if only one may. */
  readonly from: Side | undefined;
  /** Whether it answers others. */
  readonly isReply: boolean;
  /** Whether it is the first packet of a connection. */
  readonly opens: boolean;
  /** What may answer it. */
  readonly replies: readonly unknown[];
}

/** All of them. */
export interface Sendables<Type> {
  /** The one of a name. */
  named(name: string): Type | undefined;
  /** The one that opens a connection, if there is one. */
  readonly opening: { readonly type: { readonly name: string } } | undefined;
}

/**
 * The packet of this name, if it can be sent now.
 *
 * @param opens Whether the packet that opens the connection is still to be sent.
 * @param answered Whether it is to be a request that is answered, or one of the others.
 * @throws FramewireError INVALID_OPTION.
 */
export function sendable<Type extends Sendable>(
  table: Sendables<Type>,
  side: Side,
  opens: boolean,
  name: string,
  answered: boolean,
): Type {
  const type = table.named(name);
  if (type === undefined || type.isReply || type.from === other(side)) {
    const message = `the ${side} sends no packet ${describe(name)} by itself`;
    throw new FramewireError("INVALID_OPTION", message);
  }
  if (side === "client" && type.opens !== opens) {
    const first = table.opening!.type.name;
    const order = type.opens ? "was sent already" : "comes first";
    throw new FramewireError("INVALID_OPTION", `${name} cannot be sent now: ${first} ${order}`);
  }
  if (type.replies.length > 0 === answered) return type;
  throw new FramewireError(
    "INVALID_OPTION",
    answered
      ? `${name} has no reply: use send("${name}", …)`
      : `${name} is answered: use call("${name}", …)`,
  );
}
