/**
 * Options that the command has and the library has not: those that name files, which it reads, and what
 * it does by itself.
 *
 * @module
 */
import { SERVER, type ServerOptions } from "../options/server.ts";
import { MAX_TIMER_MS } from "../options/spec.ts";
import { type OptionSpec, type OptionSpecs, special, text, whole } from "../options/spec.ts";
import type { SessionsOptions } from "../options/sessions.ts";
import type { TlsServerOptions } from "../options/tls.ts";
import { DEADLINE_MS } from "../server/drain.ts";

/** A certificate and its key, each as PEM text or as a file that holds it. */
export interface TlsIdentityFiles {
  readonly cert?: string;
  readonly certFile?: string;
  readonly key?: string;
  readonly keyFile?: string;
}

/** TLS of a server whose certificates may be in files. */
export interface TlsFiles extends TlsIdentityFiles, Omit<TlsServerOptions, "cert" | "key" | "sni"> {
  readonly clientCaFile?: string;
  readonly sni?: Readonly<Record<string, TlsIdentityFiles>>;
}

/** Sessions whose store may be a file. */
export interface SessionFiles extends Omit<SessionsOptions, "store" | "owner"> {
  readonly storeFile?: string;
}

/** Options of the command alone. */
export interface CommandOptions {
  /**
   * A file of the tokens that peers must have one of, a name and a token's hash on each line. It turns
   * authentication on. SIGHUP reads it again.
   */
  readonly tokenFile?: string;
  /**
   * A file of the users that peers must be one of, a name and a password's hash on each line. It turns
   * authentication on. SIGHUP reads it again.
   */
  readonly usersFile?: string;
  /** How often the server's figures are logged, in milliseconds: 100 to 2,147,483,647. */
  readonly statsIntervalMs?: number;
  /**
   * How long accepted requests may take to finish once a signal has asked the server to end, in
   * milliseconds: 0 to 2,147,483,647. Then what is left is cut.
   */
  readonly shutdownDeadlineMs?: number;
  /**
   * Over how long connections are ended then, in milliseconds, so that their peers do not all come back
   * somewhere at once: 0 to `shutdownDeadlineMs`.
   */
  readonly shutdownSpreadMs?: number;
  /**
   * TLS: the certificate and its key, and the authority of clients' certificates, each a PEM text or a
   * file that holds it. Relative names of files are relative to the config file. SIGHUP reads them again.
   */
  readonly tls?: TlsFiles;
  /**
   * Gives peers that ask for it in their hello a session, which outlives the connection: requests that
   * come again are not handled again, and pushes are kept until they are acknowledged. With `storeFile`,
   * an SQLite database that is made if there is none, sessions outlive the server too, kill -9 included;
   * without it they are kept in memory. Without `sessions` there are none.
   */
  readonly sessions?: SessionFiles;
}

/** The server's options as the command takes them. */
export type Settings = Omit<ServerOptions, keyof CommandOptions> & CommandOptions & {
  readonly protocol?: string;
};

/** The name of the option whose file holds what `name` is. */
export const FILE_OF = { cert: "certFile", key: "keyFile", clientCa: "clientCaFile" } as const;

const FILE = { type: "string", minLength: 1 };
type Schema = { readonly properties: Readonly<Record<string, Schema>> };
const schemaOf = ({ schema }: OptionSpec<never>): Schema => schema as unknown as Schema;
const inline = schemaOf(SERVER.tls as OptionSpec<never>);
const SESSIONS = SERVER.sessions as OptionSpec<SessionsOptions>;
const IDENTITY = {
  cert: inline.properties.cert,
  certFile: FILE,
  key: inline.properties.key,
  keyFile: FILE,
};

/** The specs of {@linkcode CommandOptions}. */
export const COMMAND: OptionSpecs<CommandOptions> = {
  tokenFile: text(undefined, "the path of a file"),
  usersFile: text(undefined, "the path of a file"),
  statsIntervalMs: whole(undefined, 100, MAX_TIMER_MS),
  shutdownDeadlineMs: whole(DEADLINE_MS, 0, MAX_TIMER_MS, { live: true }),
  shutdownSpreadMs: whole(0, 0, MAX_TIMER_MS, { live: true }),
  tls: special<TlsFiles>(wrongTls, {
    live: true,
    schema: {
      type: "object",
      properties: {
        ...inline.properties,
        ...IDENTITY,
        clientCaFile: FILE,
        sni: {
          type: "object",
          additionalProperties: {
            type: "object",
            properties: IDENTITY,
            additionalProperties: false,
          },
        },
      },
      additionalProperties: false,
    },
  }),
  sessions: special<SessionFiles>(wrongSessions, {
    schema: {
      ...SESSIONS.schema,
      properties: { storeFile: FILE, ...schemaOf(SESSIONS as OptionSpec<never>).properties },
    },
  }),
};

function wrongSessions(given: unknown): string | undefined {
  if (!isObject(given)) return SESSIONS.wrong(given)?.replace("store?", "storeFile?");
  const { storeFile, ...rest } = given;
  if (storeFile !== undefined && (typeof storeFile !== "string" || storeFile === "")) {
    return "an object whose storeFile is the path of a file";
  }
  return SESSIONS.wrong(rest)?.replace("store?", "storeFile?");
}

/** What is wrong with files; the rest is looked at when they are read. */
function wrongTls(given: unknown): string | undefined {
  const shape = "an object { certFile, keyFile, clientCaFile?, … }";
  if (!isObject(given)) return shape;
  const { sni = {} } = given;
  if (!isObject(sni)) return `${shape} whose sni has host names with { certFile, keyFile } each`;
  for (const part of [given, ...Object.values(sni)]) {
    if (!isObject(part)) return `${shape} whose sni has host names with { certFile, keyFile } each`;
    for (const [name, file] of Object.entries(FILE_OF)) {
      if (part[file] === undefined) continue;
      if (typeof part[file] !== "string" || part[file] === "") {
        return `${shape} whose ${file} is the path of a file`;
      }
      if (part[name] !== undefined) return `${shape} with either ${name} or ${file}`;
    }
  }
  return undefined;
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}
