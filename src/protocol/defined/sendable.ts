/**
 * Which packets a side may send by itself.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import { describe } from "../protocol.ts";
import { other, type PacketTable } from "./packet_table.ts";
import type { PacketType } from "./packet_type.ts";

/**
 * The packet of this name, if it can be sent now.
 *
 * @param opens Whether the packet that opens the connection is still to be sent.
 * @param answered Whether it is to be a request that is answered, or one of the others.
 * @throws FramewireError INVALID_OPTION.
 */
export function sendable(
  table: PacketTable,
  side: "server" | "client",
  opens: boolean,
  name: string,
  answered: boolean,
): PacketType {
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
