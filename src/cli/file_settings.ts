/**
 * Options that the command has and the library has not: those that name files, which it reads, and what
 * it does by itself.
 *
 * @module
 */
import { SERVER, type ServerOptions } from "../options/server.ts";
import { MAX_TIMER_MS } from "../options/spec.ts";
import { type OptionSpec, type OptionSpecs, special, text, whole } from "../options/spec.ts";
import type { TlsServerOptions } from "../options/tls.ts";

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
   * TLS: the certificate and its key, and the authority of clients' certificates, each a PEM text or a
   * file that holds it. Relative names of files are relative to the config file. SIGHUP reads them again.
   */
  readonly tls?: TlsFiles;
}

/** The server's options as the command takes them. */
export type Settings = Omit<ServerOptions, "tls"> & CommandOptions & { readonly protocol?: string };

/** The name of the option whose file holds what `name` is. */
export const FILE_OF = { cert: "certFile", key: "keyFile", clientCa: "clientCaFile" } as const;

const FILE = { type: "string", minLength: 1 };
type Schema = { readonly properties: Readonly<Record<string, Schema>> };
const inline = (SERVER.tls as OptionSpec<TlsServerOptions>).schema as unknown as Schema;
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
};

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
