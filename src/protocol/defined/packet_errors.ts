/**
 * What is wrong with a packet that came, in words.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import type { FieldProblem } from "./fields/field.ts";
import type { Side } from "./packet_table.ts";

/** A packet of a protocol. */
interface Named {
  readonly name: string;
  readonly kinds: readonly number[];
}

function firstBytes(chunk: Uint8Array, from: number, end: number): { firstBytes: Uint8Array } {
  return { firstBytes: chunk.slice(from, Math.min(end, from + 16)) };
}

/**
 * A packet of a kind that the protocol does not have, or not from this side.
 *
 * @param packets All that it has; undefined where they have no kind.
 * @param misdirected The one of this kind that only the other side sends, if there is one.
 */
export function unknownPacket(
  packets: Iterable<Named> | undefined,
  sender: Side | undefined,
  misdirected: Named | undefined,
  kind: number,
  chunk: Uint8Array,
  offset: number,
  end: number,
): FramewireError {
  if (packets === undefined) {
    return new FramewireError(
      "UNKNOWN_PACKET",
      `the ${sender ?? "peer"} sends nothing in this protocol, and a frame came`,
      firstBytes(chunk, offset, end),
    );
  }
  if (misdirected !== undefined) {
    return new FramewireError(
      "UNEXPECTED_PACKET",
      `a ${misdirected.name} came from the ${sender}, and only the other side sends it`,
      firstBytes(chunk, offset, end),
    );
  }
  const known = [...packets].filter(({ kinds }) => kinds.length > 0)
    .map(({ name, kinds }) => `${name} (${kinds[0]}${kinds.length > 1 ? ", …" : ""})`);
  const shown = known.length > 6 ? `one of ${known.length} kinds` : known.join(", ");
  const came = kind >>> 0;
  return new FramewireError(
    "UNKNOWN_PACKET",
    `a packet of kind ${came} (0x${came.toString(16)}) came: expected ${shown}`,
    firstBytes(chunk, offset, end),
  );
}

/** A packet that ends before its header does. */
export function tooShort(
  type: Named,
  chunk: Uint8Array,
  offset: number,
  end: number,
): FramewireError {
  return new FramewireError(
    "BODY_TOO_SHORT",
    `a ${type.name} of ${end - offset} bytes is shorter than its header`,
    firstBytes(chunk, offset, end),
  );
}

/** A reply that answers nothing. */
export function unasked(
  name: string,
  chunk: Uint8Array,
  from: number,
  end: number,
): FramewireError {
  return new FramewireError(
    "UNEXPECTED_PACKET",
    `a ${name} came that answers no pending request`,
    firstBytes(chunk, from, end),
  );
}

/** A header that cannot be. */
export function headerError(problem: FieldProblem): FramewireError {
  return new FramewireError(problem.code, `header.${problem.path} ${problem.message}`, {
    cause: problem,
  });
}
