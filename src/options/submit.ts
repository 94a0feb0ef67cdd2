/**
 * Options of servers of the `submit` protocol.
 *
 * @module
 */
import { type Feature, FEATURES } from "../protocol/submit/commands.ts";
import type { Hello } from "../protocol/submit/hello.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import {
  callback,
  choice,
  flag,
  type OptionSpec,
  type OptionSpecs,
  special,
  text,
  whole,
} from "./spec.ts";

/**
 * Says who a peer is.
 *
 * @param hello What the peer says of itself; its `auth` is a token, or a user with a password.
 * @param conn The connection; it has no principal yet.
 * @returns The principal, whatever stands for it: it becomes `conn.principal`. Undefined, null or
 * false refuses the peer with result 2. A thrown `RequestRefused` refuses it with its own result,
 * such as 3 for one that is known and may not come in; anything else that is thrown, with result 1.
 */
export type Authenticate = (hello: Hello, conn: ServerConnection) => unknown;

/** Options of servers of the `submit` protocol. */
export interface SubmitServerOptions {
  /**
   * What peers that say hello may agree upon: some of `request`, `ping`, `push`, `drain`, `credit`,
   * `crc32c` and `lz4`.
   *
   * @default all of them
   */
  readonly features?: readonly Feature[];
  /**
   * Whether replies leave in the order of their requests after a hello too. To plain peers they
   * always do.
   *
   * @default {false}
   */
  readonly ordered?: boolean;
  /** Says who a peer is; with it, every peer must say hello, and is refused when it does not. */
  readonly authenticate?: Authenticate;
  /**
   * The longest frame of a peer that is not authenticated yet, in bytes: 64 to 1,048,576. With
   * `packetsBeforeAuth` it holds for defined protocols too; frames that have one length may have it.
   *
   * @default {8192}
   */
  readonly maxFrameBytesBeforeAuth?: number;
}

/** The specs of {@linkcode SubmitServerOptions}. */
export const SUBMIT_SERVER: OptionSpecs<SubmitServerOptions> = {
  features: features(),
  ordered: flag(false),
  authenticate: callback(),
  maxFrameBytesBeforeAuth: whole(8192, 64, 1 << 20),
};

/** A list of features. */
function features(): OptionSpec<readonly Feature[]> {
  return special<readonly Feature[]>(
    (given) =>
      Array.isArray(given) && given.every((name) => FEATURES.includes(name))
        ? undefined
        : `an array of ${FEATURES.join(", ")}`,
    { schema: { type: "array", items: { enum: FEATURES } } },
  );
}

/** Options of clients of the `submit` protocol. */
export interface SubmitClientOptions {
  /**
   * Whether to say hello when connecting: not at all, and talk as a plain peer; `"required"`, and fail
   * with a server that does not know it; or `"auto"`, and be a plain peer to such a server, which is
   * then remembered for ten minutes. A server is plain when it answers with 14 bytes, or closes twice
   * when it is greeted and was never known to answer.
   *
   * The default is `"off"` because a hello costs a round trip, and because a server that neither
   * answers nor closes could not be connected to at all.
   *
   * @default {"off"}; `"auto"` with `token`, `user`, `features`, `agent` or `failover`
   */
  readonly hello?: "auto" | "off" | "required";
  /**
   * What to offer in the hello: some of `request`, `ping`, `push`, `drain`, `credit`, `crc32c` and
   * `lz4`.
   *
   * @default all but `crc32c` and `lz4`
   */
  readonly features?: readonly Feature[];
  /** A secret that says who this client is. */
  readonly token?: string;
  /** The name of the user that this client is; with a password. */
  readonly user?: string;
  /** The user's password. */
  readonly password?: string;
  /** This program and its version, for the server's logs. */
  readonly agent?: string;
}

/** The specs of {@linkcode SubmitClientOptions}. */
export const SUBMIT_CLIENT: OptionSpecs<SubmitClientOptions> = {
  hello: choice("off", ["auto", "off", "required"]),
  features: features(),
  token: text(undefined, "a text that is not empty"),
  user: text(undefined, "a text that is not empty"),
  password: text(undefined, "a text that is not empty"),
  agent: text(undefined, "a text that is not empty"),
};
