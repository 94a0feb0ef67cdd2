/**
 * The hello of a client and the welcome of a server: JSON objects in UTF-8 of at most 4 KiB
 * (docs/PROTOCOL.md, 1.4).
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import { describe } from "../protocol.ts";
import { type Feature, FEATURES, MAX_HELLO_BYTES } from "./commands.ts";

/** How a client says who it is. */
export type Credentials =
  | {
    /** A secret that stands for somebody. */
    readonly token: string;
  }
  | {
    /** The name of a user. */
    readonly user: string;
    /** That user's password. */
    readonly password: string;
  };

/** Which session a client asks for: a new one, when there is no id; or the one with this id. */
export interface SessionAsk {
  /** The session's name. */
  readonly id?: string;
  /** What the server gave for going on with it; there is an id if and only if there is a secret. */
  readonly secret?: string;
  /** The id of the last push that the client has; without it, none. */
  readonly lastPush?: string;
}

/** The session that a server gives. */
export interface SessionGiven {
  /** Its name. */
  readonly id: string;
  /** What the client has to show to go on with it. */
  readonly secret: string;
  /** Whether it is the one that was asked for. If not, that is lost. */
  readonly resumed: boolean;
  /** The id of the newest request that the server knows of; `00000000` for none. */
  readonly lastId: string;
}

/** What a client says of itself. */
export interface Hello {
  /** The version of the protocol: 1. */
  readonly version: number;
  /** What it offers. Names that this library does not know are among them. */
  readonly features: readonly string[];
  /** Who it is. */
  readonly auth?: Credentials;
  /** The session it asks for, if it does. */
  readonly session?: SessionAsk;
  /** The program and its version, for logs. */
  readonly agent?: string;
}

/** What a server answers to a hello. */
export interface Welcome {
  /** The version of the protocol: 1. */
  readonly version: number;
  /** What both have. */
  readonly features: readonly Feature[];
  /** The longest frame that the server takes, in bytes. */
  readonly maxFrame: number;
  /** How often the server sends a Ping to a silent peer, in milliseconds; 0 for never. */
  readonly heartbeatMs: number;
  /** What may be under way at once, without a Credit. */
  readonly window: {
    /** Submits and Requests. */
    readonly requests: number;
    /** Their frames together, in bytes. */
    readonly bytes: number;
  };
  /** The session; without it the server gives none. */
  readonly session?: SessionGiven;
}

/** The version of the protocol that this library speaks. */
export const HELLO_VERSION = 1;

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true });
const encoder = /* @__PURE__ */ new TextEncoder();

/**
 * Reads a hello.
 *
 * @throws FramewireError INVALID_FIELD, naming what was expected and what came.
 */
export function readHello(bytes: Uint8Array): Hello {
  const members = readObject("hello", bytes);
  const version = member(members, "version", "number");
  if (version !== undefined && version !== HELLO_VERSION) {
    throw wrong("version", String(HELLO_VERSION), version);
  }
  const features = members.features ?? [];
  if (!Array.isArray(features) || features.some((name) => typeof name !== "string")) {
    throw wrong("features", "an array of texts", features);
  }
  const agent = member(members, "agent", "string");
  const session = members.session === undefined ? undefined : readAsk(members.session);
  const auth = members.auth === undefined ? undefined : readCredentials(members.auth);
  return {
    version: HELLO_VERSION,
    features: features as string[],
    ...(auth !== undefined && { auth }),
    ...(session !== undefined && { session }),
    ...(agent !== undefined && { agent: agent as string }),
  };
}

/**
 * Reads a welcome.
 *
 * @throws FramewireError INVALID_FIELD.
 */
export function readWelcome(bytes: Uint8Array): Welcome {
  const members = readObject("welcome", bytes);
  const { features } = members;
  if (!Array.isArray(features)) throw wrong("features", "an array of texts", features);
  const window = members.window ?? {};
  if (!isObject(window)) throw wrong("window", "an object", window);
  const session = members.session === undefined ? undefined : readGiven(members.session);
  return {
    version: HELLO_VERSION,
    features: FEATURES.filter((name) => features.includes(name)),
    maxFrame: count(members, "maxFrame") ?? Infinity,
    heartbeatMs: count(members, "heartbeatMs") ?? 0,
    window: {
      requests: count(window, "requests") ?? Infinity,
      bytes: count(window, "bytes") ?? Infinity,
    },
    ...(session !== undefined && { session }),
  };
}

/**
 * The bytes of a hello or a welcome.
 *
 * @throws FramewireError INVALID_OPTION when there are more than 4 KiB of them.
 */
export function writeHello(hello: Hello | Welcome): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(hello));
  if (bytes.length <= MAX_HELLO_BYTES) return bytes;
  throw new FramewireError(
    "INVALID_OPTION",
    `the hello has ${bytes.length} bytes, and ${MAX_HELLO_BYTES} are the most: agent, user, ` +
      "password or token are too long",
  );
}

function readCredentials(auth: unknown): Credentials {
  if (!isObject(auth)) throw wrong("auth", "an object", auth);
  const token = member(auth, "token", "string");
  if (token !== undefined) return { token: token as string };
  const user = member(auth, "user", "string");
  const password = member(auth, "password", "string");
  if (user === undefined || password === undefined) {
    throw malformed("auth has neither a token nor a user with a password");
  }
  return { user: user as string, password: password as string };
}

function readAsk(session: unknown): SessionAsk {
  if (!isObject(session)) throw wrong("session", "an object", session);
  const id = member(session, "id", "string") as string | undefined;
  const secret = member(session, "secret", "string") as string | undefined;
  const lastPush = member(session, "lastPush", "string") as string | undefined;
  if ((id === undefined) !== (secret === undefined)) {
    throw malformed("session has one of id and secret without the other");
  }
  if (lastPush !== undefined) checkId("lastPush", lastPush);
  return {
    ...(id !== undefined && { id }),
    ...(secret !== undefined && { secret }),
    ...(lastPush !== undefined && { lastPush }),
  };
}

function readGiven(session: unknown): SessionGiven {
  if (!isObject(session)) throw wrong("session", "an object", session);
  const { id, secret, resumed, lastId } = session;
  if (typeof id !== "string") throw wrong("id", "a text", id);
  if (typeof secret !== "string") throw wrong("secret", "a text", secret);
  if (typeof resumed !== "boolean") throw wrong("resumed", "true or false", resumed);
  if (typeof lastId !== "string") throw wrong("lastId", "a text", lastId);
  checkId("lastId", lastId);
  return { id, secret, resumed, lastId };
}

function checkId(name: string, id: string): void {
  if (!/^[0-9]{8}$/.test(id)) throw malformed(`${name} must be an id: eight digits`);
}

function readObject(what: string, bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > MAX_HELLO_BYTES) {
    throw malformed(`the ${what} has ${bytes.length} bytes, and ${MAX_HELLO_BYTES} are the most`);
  }
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw malformed(`the ${what} is no JSON in UTF-8`);
  }
  if (!isObject(value)) throw malformed(`the ${what} is ${describeJson(value)}, not an object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(members: Record<string, unknown>, name: string, type: string): unknown {
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  if (value !== undefined && typeof value !== type) throw wrong(name, `a ${type}`, value);
  return value;
}

function count(members: Record<string, unknown>, name: string): number | undefined {
  const value = member(members, name, "number") as number | undefined;
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value;
  throw wrong(name, "a whole number", value);
}

// What came is told by its type alone: it may be a secret.
function wrong(name: string, expected: string, value: unknown): FramewireError {
  return malformed(`${name} must be ${expected} and is ${describeJson(value)}`);
}

function describeJson(value: unknown): string {
  return typeof value === "string" ? "a text" : describe(value);
}

function malformed(message: string): FramewireError {
  return new FramewireError("INVALID_FIELD", message);
}
