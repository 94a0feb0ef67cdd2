/**
 * The header of the PROXY protocol, versions 1 and 2, by which a proxy says whom it connects for.
 *
 * The specification is HAProxy's `doc/proxy-protocol.txt` (2020/03/05); the sections named here are its.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Address } from "../link/link.ts";
import { parseIPv4, parseIPv6 } from "./address_text.ts";

/** A header that has come in full. */
export interface ProxyHeader {
  /** Its length in bytes: what follows is the stream. */
  readonly length: number;
  /** Whom the proxy connects for; undefined where it says that the address is its own, or unknown. */
  readonly source: Address | undefined;
}

/** The longest header of version 1, its line end included (2.1). */
const V1_MOST_BYTES = 107;
/** The longest header of version 2 that is taken; its length field could declare 64 KiB. */
const V2_MOST_BYTES = 4096;
/** What version 2 has before its addresses (2.2). */
const V2_FIXED_BYTES = 16;

const V1_SIGNATURE = ascii("PROXY ");
const V2_SIGNATURE = ascii("\r\n\r\n\0\r\nQUIT\n");

/**
 * Reads a header from the beginning of a stream.
 *
 * @param bytes What has come of the stream.
 * @returns undefined while the header is not complete; `"none"` as soon as the bytes are no header.
 * @throws FramewireError PROXY_HEADER_INVALID when they begin as a header and are none.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | "none" | undefined {
  if (bytes.length === 0) return undefined;
  const isV2 = bytes[0] === V2_SIGNATURE[0];
  const signature = isV2 ? V2_SIGNATURE : V1_SIGNATURE;
  for (let at = 0; at < Math.min(bytes.length, signature.length); at++) {
    if (bytes[at] !== signature[at]) return "none";
  }
  if (bytes.length < signature.length) return undefined;
  return isV2 ? readV2(bytes) : readV1(bytes);
}

function readV1(bytes: Uint8Array): ProxyHeader | undefined {
  const end = bytes.indexOf(0x0d);
  if (end < 0 ? bytes.length >= V1_MOST_BYTES : end + 2 > V1_MOST_BYTES) {
    throw invalid(`a line of at most ${V1_MOST_BYTES} bytes`, "a longer one", bytes);
  }
  if (end < 0 || bytes.length < end + 2) return undefined;
  if (bytes[end + 1] !== 0x0a) throw invalid("CR LF at the end of the line", "CR alone", bytes);
  const length = end + 2;
  const words = String.fromCharCode(...bytes.subarray(0, end)).split(" ");
  // Behind UNKNOWN anything may stand, and nothing of it counts.
  if (words[1] === "UNKNOWN") return { length, source: undefined };
  const [, family, source, destination, sourcePort, destinationPort] = words;
  const parse = family === "TCP4" ? parseIPv4 : family === "TCP6" ? bareIPv6 : undefined;
  if (parse === undefined) throw invalid("TCP4, TCP6 or UNKNOWN", "something else", bytes);
  if (
    words.length !== 6 || parse(source!) === undefined || parse(destination!) === undefined ||
    !isPort(sourcePort!) || !isPort(destinationPort!)
  ) {
    throw invalid(`two addresses and two ports of ${family}`, "something else", bytes);
  }
  return { length, source: { hostname: source!, port: Number(sourcePort) } };
}

/** Families of version 2, in the upper half of byte 13; and the only transport, in its lower half. */
const Family = { UNSPEC: 0, INET: 1, INET6: 2, UNIX: 3 } as const;
const STREAM = 1;
/** How many bytes the addresses of each family take. */
const ADDRESS_BYTES = [0, 12, 36, 216];

function readV2(bytes: Uint8Array): ProxyHeader | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined;
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const [family, transport] = [bytes[13]! >> 4, bytes[13]! & 15];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const declared = view.getUint16(14);
  if (version !== 2) throw invalid("version 2", `version ${version}`, bytes);
  if (command > 1) throw invalid("LOCAL (0) or PROXY (1)", `command ${command}`, bytes);
  if (family > Family.UNIX || transport > 2) {
    throw invalid("a known family and transport", `0x${bytes[13]!.toString(16)}`, bytes);
  }
  const length = V2_FIXED_BYTES + declared;
  if (length > V2_MOST_BYTES) {
    throw invalid(`at most ${V2_MOST_BYTES} bytes`, `${length} declared`, bytes);
  }
  const isLocal = command === 0;
  if (!isLocal && declared < ADDRESS_BYTES[family]!) {
    const wanted = `at least ${ADDRESS_BYTES[family]} bytes of addresses`;
    throw invalid(wanted, `${declared} declared`, bytes);
  }
  if (bytes.length < length) return undefined;
  // A health check of the proxy itself, or a family that says nothing of IP: its own address counts
  // (2.2). What follows the addresses (TLVs) is skipped with them.
  if (isLocal || transport !== STREAM) return { length, source: undefined };
  if (family === Family.INET) {
    const hostname = bytes.subarray(16, 20).join(".");
    return { length, source: { hostname, port: view.getUint16(24) } };
  }
  if (family === Family.INET6) {
    const groups = Array.from({ length: 8 }, (_, at) => view.getUint16(16 + 2 * at).toString(16));
    return { length, source: { hostname: groups.join(":"), port: view.getUint16(48) } };
  }
  return { length, source: undefined };
}

/** IPv6 without what users may write around it. */
function bareIPv6(text: string): readonly number[] | undefined {
  return /[[%]/.test(text) ? undefined : parseIPv6(text);
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The error of a header that is wrong. */
function invalid(expected: string, came: string, bytes: Uint8Array): FramewireError {
  return new FramewireError(
    "PROXY_HEADER_INVALID",
    `the PROXY header of a trusted proxy is wrong: expected ${expected}, what came is ${came}`,
    { firstBytes: bytes.slice(0, 16) },
  );
}
