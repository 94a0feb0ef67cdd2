/**
 * The ids of a client's calls: eight digits, from the number of the call and back.
 *
 * @module
 */
import type { CallBook } from "../call_book.ts";
import { FramewireError } from "../../errors.ts";
import { hex, idText, LAST_ID, readId, writeId } from "./commands.ts";

const DIGITS = 8;
const ZERO = 0x30;

/** The digits of one id after the other: counting them up costs less than writing each anew. */
export class IdDigits {
  /** The eight digits. */
  readonly bytes: Uint8Array = new Uint8Array(DIGITS).fill(ZERO);
  #id = 0;

  /** Sets the id, 1 to 99,999,999. */
  set(id: number): void {
    const isNext = id === this.#id + 1;
    this.#id = id;
    if (!isNext) return writeId(id, this.bytes, 0);
    const { bytes } = this;
    for (let i = DIGITS - 1; i >= 0; i--) {
      if (bytes[i]! < ZERO + 9) {
        bytes[i]!++;
        return;
      }
      bytes[i] = ZERO;
    }
  }
}

/** The id of a call. */
export function idOf(number: number): number {
  return number % LAST_ID + 1;
}

/**
 * The number of the call under way that the id at `bytes[at]` names.
 *
 * @throws FramewireError UNEXPECTED_PACKET.
 */
export function numberIn(
  book: CallBook<unknown>,
  command: number,
  bytes: Uint8Array,
  at: number,
): number {
  const id = readId(bytes, at);
  const { head } = book;
  const number = head + (id - 1 - head % LAST_ID + LAST_ID) % LAST_ID;
  if (id <= 0 || !book.has(number)) throw nobodyWaits(command, bytes, at);
  return number;
}

/** The error for a reply that no call waits for. Closes the connection. */
export function nobodyWaits(command: number, bytes: Uint8Array, at: number): FramewireError {
  return new FramewireError(
    "UNEXPECTED_PACKET",
    `the server sent ${hex(command)} with id ${JSON.stringify(idText(bytes, at))}, which no call ` +
      "waits for",
  );
}
