/**
 * Secrets at rest: what a server keeps of tokens and passwords, from which they cannot be had back.
 *
 * Tokens are long and random, so that one SHA-256 is enough. Passwords are not: they go through
 * PBKDF2-HMAC-SHA-256 (RFC 8018 5.2), which every runtime has in Web Crypto, with the iterations that
 * OWASP's Password Storage Cheat Sheet asks for.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";

/** OWASP Password Storage Cheat Sheet (2023): PBKDF2-HMAC-SHA256. */
export const PASSWORD_ITERATIONS = 600_000;
const MOST_ITERATIONS = 10_000_000;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const encoder = new TextEncoder();

/** A password's hash, read from its text. */
export interface PasswordHash {
  /** Iterations of PBKDF2. */
  readonly iterations: number;
  /** At random, one for each password. */
  readonly salt: Uint8Array;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * What to keep of a token: its SHA-256, as `sha256:` and 64 hexadecimal digits.
 *
 * @param token Long and random, such as 32 bytes of `crypto.getRandomValues` in base64.
 *
 * @example
 * ```ts
 * import { hashToken } from "framewire";
 *
 * console.log(await hashToken("b5f2c1…")); // sha256:…, for tokens({ … })
 * ```
 */
export async function hashToken(token: string): Promise<string> {
  return `sha256:${toHex(await digest(token))}`;
}

/** The SHA-256 of a text. */
export async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

/**
 * What to keep of a password: `$pbkdf2-sha256$i=ITERATIONS$SALT$HASH`, in the PHC string format.
 *
 * @param password Any text; it is taken in its Unicode form NFKC.
 * @param iterations How much work a guess is: 1,000 to 10,000,000.
 *
 * @example
 * ```ts
 * import { hashPassword } from "framewire";
 *
 * console.log(await hashPassword("correct horse battery staple")); // for users({ … })
 * ```
 */
export async function hashPassword(
  password: string,
  iterations: number = PASSWORD_ITERATIONS,
): Promise<string> {
  if (!Number.isInteger(iterations) || iterations < 1000 || iterations > MOST_ITERATIONS) {
    const wanted = `iterations must be a whole number from 1000 to ${MOST_ITERATIONS}`;
    throw new FramewireError("INVALID_OPTION", `${wanted} and is ${iterations}`);
  }
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await pbkdf2(password, salt, iterations);
  return `$pbkdf2-sha256$i=${iterations}$${toBase64(salt)}$${toBase64(hash)}`;
}

/** PBKDF2-HMAC-SHA-256 of a password, 32 bytes. It runs beside the event loop. */
export async function pbkdf2(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const bytes = encoder.encode(password.normalize("NFKC"));
  const key = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
  // Declared without its buffer's type, which TypeScript before 5.7 does not know of.
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: salt as BufferSource, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, HASH_BYTES * 8));
}

/** Reads what {@linkcode hashPassword} made; undefined when it is none. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = /^\$pbkdf2-sha256\$i=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]{43})$/
    .exec(text);
  if (match === null) return undefined;
  const iterations = Number(match[1]);
  if (iterations > MOST_ITERATIONS) return undefined;
  try {
    return { iterations, salt: fromBase64(match[2]!), hash: fromBase64(match[3]!) };
  } catch {
    return undefined;
  }
}

/** Reads what {@linkcode hashToken} made; undefined when it is none. */
export function parseTokenHash(text: string): Uint8Array | undefined {
  const match = /^sha256:([0-9a-f]{64})$/.exec(text);
  if (match === null) return undefined;
  return Uint8Array.from(match[1]!.match(/../g)!, (digits) => parseInt(digits, 16));
}

/** Whether two hashes are the same, in a time that does not tell where they differ. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Bytes as hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("=", "");
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
