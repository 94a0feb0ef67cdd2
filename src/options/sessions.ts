/**
 * Options of sessions: what outlives a connection, for how long, and how much of it.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { memoryStore } from "../session/memory_store.ts";
import type { SessionStore } from "../session/store.ts";
import {
  callback,
  MAX_TIMER_MS,
  type OptionSpec,
  type OptionSpecs,
  resolve,
  special,
  whole,
} from "./spec.ts";

/** How a server keeps sessions. */
export interface SessionsOptions {
  /**
   * Where they are kept. With `memoryStore()` they end with the server; `sqliteStore(path)` of
   * `framewire/sqlite` lets them outlive it. Who has opened it closes it, once the server is down.
   *
   * @default {memoryStore()}
   */
  readonly store?: SessionStore;
  /**
   * How many of its last requests a session remembers, with their answers: 1 to 1,048,576, and at least
   * `maxInFlight`. One that comes again and has left the window is answered with result 10, not handled.
   *
   * @default {4096}
   */
  readonly window?: number;
  /**
   * How long a session is kept that no connection carries, in milliseconds: 1 to 2,147,483,647.
   *
   * @default {300000}
   */
  readonly retentionMs?: number;
  /**
   * How many sessions there may be: 1 to 10,000,000. Over it, the one gives way that no connection has
   * carried for the longest time; if all are carried, the hello is answered with result 4.
   *
   * @default {10000}
   */
  readonly maxSessions?: number;
  /**
   * Memory that the answers of one session may take besides their results, in bytes: 0 to 1 GiB. Over it
   * the oldest are given up, and their requests answered with result 10 when they come again.
   *
   * @default {1048576}
   */
  readonly maxResponseBytes?: number;
  /**
   * Memory that the pushes of one session may take until they are acknowledged, in bytes: 1 KiB to 1 GiB.
   * Over it `push` says that it has dropped the next. A single larger push is still taken, by itself.
   *
   * @default {1048576}
   */
  readonly maxPushBytes?: number;
  /**
   * The name of a principal, as `authenticate` returned it: only under the same name is a session resumed.
   *
   * @default {the principal itself when it is a text, else its `name`}
   */
  readonly owner?: (principal: unknown) => string;
}

/** Options of a server about sessions. */
export interface SessionServerOptions {
  /**
   * Gives peers that ask for it in their hello a session, which outlives the connection: requests that
   * come again are not handled again, and pushes are kept until they are acknowledged. Without it there
   * are none. Protocols that have no sessions refuse it with `UNSUPPORTED`.
   */
  readonly sessions?: SessionsOptions;
}

/** {@linkcode SessionsOptions} with their defaults filled in. */
export type ResolvedSessions = Required<SessionsOptions>;

/** What a store must have. */
const STORE_CALLS = ["create", "load", "commit", "expire", "remove", "close"] as const;

/** The specs of the numbers among {@linkcode SessionsOptions}. */
export const SESSION_LIMITS: Readonly<
  Record<
    "window" | "retentionMs" | "maxSessions" | "maxResponseBytes" | "maxPushBytes",
    OptionSpec<number>
  >
> = {
  window: whole(4096, 1, 1 << 20),
  retentionMs: whole(300_000, 1, MAX_TIMER_MS),
  maxSessions: whole(10_000, 1, 10_000_000),
  maxResponseBytes: whole(1 << 20, 0, 1 << 30),
  maxPushBytes: whole(1 << 20, 1 << 10, 1 << 30),
};

/** The specs of {@linkcode SessionsOptions}. */
const PARTS: OptionSpecs<SessionsOptions> = {
  store: special<SessionStore>((given) =>
    typeof given === "object" && given !== null &&
      STORE_CALLS.every((name) => typeof (given as Record<string, unknown>)[name] === "function")
      ? undefined
      : `a session store, with ${STORE_CALLS.join(", ")}`
  ),
  ...SESSION_LIMITS,
  owner: callback(),
};

/** The specs of {@linkcode SessionServerOptions}. */
export const SESSIONS: OptionSpecs<SessionServerOptions> = { sessions: sessions() };

/**
 * Fills in the defaults of sessions.
 *
 * @throws FramewireError INVALID_OPTION when a session would forget requests that are still under way.
 */
export function resolveSessions(options: SessionsOptions, maxInFlight: number): ResolvedSessions {
  const given = resolve("sessions", options, PARTS);
  const resolved = { store: memoryStore(), owner: nameOf, ...given } as ResolvedSessions;
  if (resolved.window >= maxInFlight) return resolved;
  const message = `sessions.window must be at least maxInFlight, which is ${maxInFlight}, and is ` +
    resolved.window;
  throw new FramewireError("INVALID_OPTION", message);
}

function sessions(): OptionSpec<SessionsOptions> {
  const wanted = `an object { ${Object.keys(PARTS).join("?, ")}? }`;
  return special<SessionsOptions>((given) => {
    if (typeof given !== "object" || given === null || Array.isArray(given)) return wanted;
    for (const [name, value] of Object.entries(given)) {
      const part = (PARTS as Record<string, OptionSpec<unknown> | undefined>)[name];
      if (part === undefined) return `${wanted}, without ${name},`;
      const wrong = value === undefined ? undefined : part.wrong(value);
      if (wrong !== undefined) return `${wanted} whose ${name} is ${wrong}`;
    }
    return undefined;
  }, {
    schema: {
      type: "object",
      properties: Object.fromEntries(
        Object.entries(SESSION_LIMITS).map(([name, { schema }]) => [name, schema]),
      ),
      additionalProperties: false,
    },
  });
}

function nameOf(principal: unknown): string {
  if (typeof principal === "string") return principal;
  const { name } = Object(principal) as { readonly name?: unknown };
  return typeof name === "string" ? name : "";
}
