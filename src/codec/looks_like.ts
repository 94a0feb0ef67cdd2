/**
 * Names what was sent to the wrong port.
 *
 * @module
 */

/** What the beginning of a stream may be told by: text, or bytes with `-1` for any. */
type Signature = readonly [name: string, bytes: string | readonly number[]];

const PROXY_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

const SIGNATURES: readonly Signature[] = [
  ["HTTP", "GET "],
  ["HTTP", "POST "],
  ["HTTP", "PUT "],
  ["HTTP", "HEAD "],
  ["HTTP", "DELETE "],
  ["HTTP", "OPTIONS "],
  ["HTTP", "PATCH "],
  ["HTTP", "CONNECT "],
  ["HTTP", "TRACE "],
  ["HTTP", "PRI * HTTP/2.0"],
  ["HTTP", "HTTP/1."],
  // Record type handshake or alert, then the major version (RFC 8446 section 5.1).
  ["TLS", [0x16, 0x03]],
  ["TLS", [0x15, 0x03]],
  ["SSH", "SSH-"],
  // TPKT version 3 (RFC 1006 section 6), X.224 connection request.
  ["RDP", [0x03, 0x00, -1, -1, -1, 0xe0]],
  ["AMQP", "AMQP"],
  ["PROXY protocol v1", "PROXY "],
  ["PROXY protocol v2", PROXY_V2],
];

/**
 * Names the protocol that some bytes look like, when it is one that is often sent to a wrong port.
 *
 * @param bytes The first bytes of a stream or of a frame; 4 do for most, 16 for all.
 * @returns `"HTTP"`, `"TLS"`, `"SSH"`, `"RDP"`, `"AMQP"`, `"Redis"`, `"PROXY protocol v1"`,
 * `"PROXY protocol v2"`, or undefined.
 */
export function looksLike(bytes: Uint8Array): string | undefined {
  for (const [name, signature] of SIGNATURES) if (matches(bytes, signature)) return name;
  return looksLikeRedis(bytes) ? "Redis" : undefined;
}

/** Whether all bytes that are there match, and enough are there to tell. */
function matches(bytes: Uint8Array, signature: string | readonly number[]): boolean {
  if (bytes.length < Math.min(4, signature.length)) return false;
  for (let i = 0; i < signature.length && i < bytes.length; i++) {
    const wanted = typeof signature === "string" ? signature.charCodeAt(i) : signature[i]!;
    if (wanted !== -1 && bytes[i] !== wanted) return false;
  }
  return true;
}

/** A RESP array of bulk strings: `*2\r\n$4\r\n`. */
function looksLikeRedis(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x2a) return false;
  let at = 1;
  while (at < 5 && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at > 1 && bytes[at] === 0x0d && (bytes.length === at + 1 || bytes[at + 1] === 0x0a);
}
