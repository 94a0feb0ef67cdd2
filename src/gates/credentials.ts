/**
 * Who a peer is, by the tokens and passwords that a server knows.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Authenticate } from "../options/submit.ts";
import { GateRefusal } from "./gate_refusal.ts";
import {
  digest,
  equal,
  parsePasswordHash,
  parseTokenHash,
  PASSWORD_ITERATIONS,
  pbkdf2,
} from "./secrets.ts";

/** Who a peer is, as {@linkcode tokens} and {@linkcode users} say. */
export interface Principal {
  /** The name it is known by. */
  readonly name: string;
  /** How it was known. */
  readonly by: "token" | "password";
}

/** Passwords that are hashed at once: each takes a core for a good part of a second. */
const MOST_AT_ONCE = 2;
/** Passwords that wait to be hashed; those that come beyond are told to come again. */
const MOST_WAITING = 256;
const RETRY_AFTER_MS = 1000;

/**
 * Knows peers by a token, of which only the hash is kept. Every token is compared with all hashes, in
 * a time that does not tell which one is near.
 *
 * @param hashes By the name of whom it stands for, what `hashToken` made of a token, or several.
 * @returns What `serve` takes as `authenticate`; the principal is a {@linkcode Principal}.
 * @throws FramewireError INVALID_OPTION when one is no such hash.
 */
export function tokens(hashes: Readonly<Record<string, string | readonly string[]>>): Authenticate {
  const known = Object.entries(hashes).flatMap(([name, texts]) =>
    (typeof texts === "string" ? [texts] : texts).map((text) => {
      const hash = parseTokenHash(text);
      if (hash === undefined) throw noHash(name, "hashToken", "sha256:…");
      return { name, hash };
    })
  );
  return async ({ auth }) => {
    if (auth === undefined || !("token" in auth)) return undefined;
    const hash = await digest(auth.token);
    let principal: Principal | undefined;
    for (const one of known) {
      if (equal(one.hash, hash)) principal = { name: one.name, by: "token" };
    }
    return principal;
  };
}

/**
 * Knows peers by a name and a password, of which only the hash is kept. It takes as long for a name
 * that nobody has. Two are hashed at once, and 256 wait; more are answered that the server is busy.
 *
 * @param hashes By user's name, what `hashPassword` made of the password.
 * @returns What `serve` takes as `authenticate`; the principal is a {@linkcode Principal}.
 * @throws FramewireError INVALID_OPTION when one is no such hash.
 */
export function users(hashes: Readonly<Record<string, string>>): Authenticate {
  const known = new Map(
    Object.entries(hashes).map(([name, text]) => {
      const hash = parsePasswordHash(text);
      if (hash === undefined) throw noHash(name, "hashPassword", "$pbkdf2-sha256$…");
      return [name, hash];
    }),
  );
  // All take the time of the one that takes the longest.
  const most = Math.max(...[...known.values()].map(({ iterations }) => iterations));
  const iterations = Number.isFinite(most) ? most : PASSWORD_ITERATIONS;
  const nobody = {
    iterations,
    salt: crypto.getRandomValues(new Uint8Array(16)),
    hash: crypto.getRandomValues(new Uint8Array(32)),
  };
  const turns = new Turns(MOST_AT_ONCE, MOST_WAITING);
  return async ({ auth }) => {
    if (auth === undefined || !("user" in auth)) return undefined;
    const { user, password } = auth;
    const expected = known.get(user) ?? nobody;
    await turns.take();
    try {
      const hash = await pbkdf2(password, expected.salt, expected.iterations);
      const rest = iterations - expected.iterations;
      if (rest > 0) await pbkdf2(password, nobody.salt, rest);
      const isRight = equal(hash, expected.hash);
      return isRight && expected !== nobody ? { name: user, by: "password" } : undefined;
    } finally {
      turns.give();
    }
  };
}

/** Knows peers that any of several ways knows, asked in their order. */
export function anyOf(...ways: readonly Authenticate[]): Authenticate {
  return async (hello, conn) => {
    for (const way of ways) {
      const principal = await way(hello, conn);
      if (principal !== undefined && principal !== null && principal !== false) return principal;
    }
    return undefined;
  };
}

/** So many at once; others wait, within a bound. */
class Turns {
  #free: number;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number, mostWaiting: number) {
    this.#free = free;
    this.#most = mostWaiting;
  }

  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#most) {
      return Promise.reject(new GateRefusal("RATE_LIMITED", RETRY_AFTER_MS));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** The text itself may be a secret that was put in a wrong place. */
function noHash(name: string, maker: string, form: string): FramewireError {
  const message = `what is kept of ${JSON.stringify(name)} must be what ${maker} made: ${form}`;
  return new FramewireError("INVALID_OPTION", message);
}
