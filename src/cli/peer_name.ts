/**
 * Says what a peer is that is not ours, by the first bytes that it sends.
 *
 * @module
 */
import { looksLike } from "../codec/looks_like.ts";

/** What a client may hear that {@linkcode looksLike} does not know: it looks at what servers hear. */
const GREETINGS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^(\+PONG|-(ERR|NOAUTH|DENIED|LOADING) )/, "Redis"],
  [/^220[ -]/, "SMTP or FTP"],
  [/^\+OK/, "POP3"],
  [/^\* (OK|PREAUTH|BYE)/, "IMAP"],
  [/^ERROR\r\n/, "memcached"],
  [/^INFO \{/, "NATS"],
  [/^(HTTP\/|<(!doctype|html|\?xml))/i, "HTTP"],
  // Length, sequence number 0, then version 10 of its protocol.
  // deno-lint-ignore no-control-regex
  [/^[^]{3}\x00\x0a\d+\./, "MySQL"],
];

/** The name of the protocol that a server's first bytes look like. */
export function peerName(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes);
  return looksLike(bytes) ?? GREETINGS.find(([pattern]) => pattern.test(text))?.[1];
}

/** Bytes for people: as text where they are text, else in hexadecimal. */
export function showBytes(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes);
  if (/^[\x20-\x7e\r\n\t]+$/.test(text)) return JSON.stringify(text);
  return `bytes ${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}

/**
 * Asks a server that has said nothing for a word: servers of text protocols answer a line, if only by
 * saying that it is wrong.
 *
 * @returns What it sent first; empty when it could not be asked or closed, undefined when nothing came.
 */
export async function firstWords(
  hostname: string,
  port: number,
  ms: number,
): Promise<Uint8Array | undefined> {
  const { connect } = await import("node:net");
  return await new Promise((resolve) => {
    const socket = connect({ host: hostname, port });
    const end = (bytes: Uint8Array | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(bytes);
    };
    const timer = setTimeout(end, ms, undefined);
    socket.on("connect", () => socket.write("PING\r\n\r\n"));
    socket.on("data", (bytes: Uint8Array) => end(bytes.slice(0, 32)));
    socket.on("end", () => end(new Uint8Array(0)));
    socket.on("error", () => end(new Uint8Array(0)));
  });
}
