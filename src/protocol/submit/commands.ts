/**
 * The numbers and names of the `submit` protocol (docs/PROTOCOL.md, section 1).
 *
 * @module
 */

/** The commands; a reply is its request with bit 0x80. */
export const Command = {
  CONN: 0x01,
  SUBMIT: 0x02,
  REQUEST: 0x03,
  CANCEL: 0x04,
  PING: 0x05,
  PUSH: 0x06,
  GO_AWAY: 0x07,
  CREDIT: 0x08,
  CONN_ACK: 0x81,
  SUBMIT_ACK: 0x82,
  RESPONSE: 0x83,
  PONG: 0x85,
  PUSH_ACK: 0x86,
} as const;

/** Bytes before the payload: total u32, command u8, id 8 bytes (docs/PROTOCOL.md). */
export const SUBMIT_HEADER_BYTES = 13;

/** The bit that makes a reply of its request. */
export const REPLY = 0x80;

/** Results of a request. A peer that has said no hello is told 0 or 1, whatever it was. */
export const Result = {
  OK: 0,
  FAILED: 1,
  UNAUTHENTICATED: 2,
  FORBIDDEN: 3,
  BUSY: 4,
  TOO_LARGE: 5,
  DEADLINE_EXCEEDED: 6,
  UNSUPPORTED: 7,
  DRAINING: 8,
  MALFORMED: 9,
  FORGOTTEN: 10,
} as const;

/** What each result means, in words: all that a peer is told of a failure by default. */
export const RESULT_TEXTS: readonly string[] = [
  "success",
  "failed",
  "unauthenticated",
  "forbidden",
  "busy",
  "too large",
  "deadline exceeded",
  "unsupported",
  "draining",
  "malformed",
  "forgotten",
];

/** What two peers can agree upon by hello and welcome. */
export const FEATURES = ["request", "ping", "push", "drain", "credit", "crc32c", "lz4"] as const;

/** One of the features of the `submit` protocol. */
export type Feature = (typeof FEATURES)[number];

/** The longest hello or welcome, in bytes. */
export const MAX_HELLO_BYTES = 4096;

/** The most bytes that a Ping carries. */
export const MAX_PING_BYTES = 64;

const featureSets = new Map<string, ReadonlySet<Feature>>();

/** A set of features: one for all connections that have agreed upon the same. */
export function featureSet(features: readonly Feature[]): ReadonlySet<Feature> {
  const key = features.join();
  let set = featureSets.get(key);
  if (set === undefined) featureSets.set(key, set = new Set(features));
  return set;
}

/** The id that clients of this library give their Conn: requests begin with 00000001. */
export const CONN_ID: Uint8Array = /* @__PURE__ */ new Uint8Array(8).fill(0x30);

/** A Conn without a hello: what every server answers, and so the heartbeat of plain ones. */
export const EMPTY_CONN: Uint8Array = /* @__PURE__ */ emptyConn();

/** Ids run from 00000001 to this, then wrap. */
export const LAST_ID = 99_999_999;

const DIGITS = 8;
const ZERO = 0x30;

/** Writes a number from 0 to {@linkcode LAST_ID} as the eight digits of an id. */
export function writeId(id: number, bytes: Uint8Array, at: number): void {
  for (let i = DIGITS - 1; i >= 0; i--) {
    bytes[at + i] = ZERO + id % 10;
    id = Math.trunc(id / 10);
  }
}

/** The number that eight digits of an id make; -1 when they are none. */
export function readId(bytes: Uint8Array, at: number): number {
  let id = 0;
  for (let i = 0; i < DIGITS; i++) {
    const digit = bytes[at + i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    id = id * 10 + digit;
  }
  return id;
}

/** An id as text: eight characters, one per byte. */
export function idText(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + DIGITS));
}

/** The reason in the GoAway of a connection whose session another one carries now; clients know it by this. */
export const TAKEN_OVER_REASON = "another connection has taken over its session";

/** A command as error messages show it. */
export function hex(command: number): string {
  return `0x${command.toString(16).padStart(2, "0")}`;
}

function emptyConn(): Uint8Array {
  return Uint8Array.of(0, 0, 0, 13, Command.CONN, ...CONN_ID);
}
