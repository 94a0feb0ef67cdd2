/**
 * What a call of `framewire serve` asks for.
 *
 * @module
 */
import type { CodecChoice } from "../codec/lend.ts";
import { SERVER_DEFAULTS, type ServerOptions } from "../options/server.ts";
import { type Credentials, readCredentials } from "./credential_files.ts";
import { UsageError } from "./failure.ts";
import { COMMAND } from "./file_settings.ts";
import type { Host } from "./host.ts";
import { usage } from "./serve_usage.ts";
import { readSettings } from "./settings.ts";
import { readTls } from "./tls_files.ts";
import { readArgs } from "./usage.ts";
import { readChoice, readInteger, readSize } from "./values.ts";

/** What a call asks for. */
export interface ServeCall {
  /** The handlers module. */
  readonly path: string | undefined;
  /** The config file. */
  readonly config: string | undefined;
  readonly log: "text" | "json";
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** What the command does by itself, and may do otherwise after a SIGHUP. */
  readonly own: OwnSettings;
  /** What `serve` takes. */
  readonly listen: Listen;
  /** Whom the server knows; undefined when it need not know anybody. */
  readonly credentials: Credentials | undefined;
  /** The database of sessions; undefined when there are none, or in memory. */
  readonly sessionFile: string | undefined;
  /** Whether files are named that SIGHUP reads again. */
  readonly hasFiles: boolean;
  /** What an operator should know of the files. */
  readonly warnings: readonly string[];
}

/** What the command does by itself. */
export interface OwnSettings {
  /** How often figures are logged; undefined for never. */
  readonly statsIntervalMs: number | undefined;
  /** How long what was taken may take at the end. */
  readonly shutdownDeadlineMs: number;
  /** Over how long connections are ended. */
  readonly shutdownSpreadMs: number;
}

/** Options for `serve` of the protocols that the command knows. */
export type Listen = ServerOptions & {
  readonly protocol: "submit" | "echo";
  readonly codec: CodecChoice;
};

/** Reads arguments, and all the files they name. */
export async function readCall(host: Host, args: readonly string[]): Promise<ServeCall> {
  const { given, operands } = readArgs(usage, args);
  if (operands.length > 1) {
    throw new UsageError(`expected one handlers module at most, and got ${operands.join(" ")}`);
  }
  if (given.hostname === "") throw new UsageError("--hostname must not be empty");
  const texts = given as Readonly<Record<string, string | true | undefined>>;
  const settings = await readSettings(host, texts, given.config);
  const { tls: tlsFiles, tokenFile, usersFile, ...others } = settings;
  const { statsIntervalMs, shutdownDeadlineMs, shutdownSpreadMs, ...rest } = others;
  const { sessions: { storeFile, ...sessions } = {}, ...options } = rest;
  const ending = {
    shutdownDeadlineMs: shutdownDeadlineMs ?? COMMAND.shutdownDeadlineMs.default!,
    shutdownSpreadMs: shutdownSpreadMs ?? COMMAND.shutdownSpreadMs.default!,
  };
  if (ending.shutdownSpreadMs > ending.shutdownDeadlineMs) {
    throw new UsageError(
      `shutdownSpreadMs must be at most shutdownDeadlineMs, which is ${ending.shutdownDeadlineMs}, ` +
        `and is ${ending.shutdownSpreadMs}`,
    );
  }
  const protocol = readChoice("protocol", given.protocol ?? settings.protocol ?? "submit", [
    "submit",
    "echo",
  ]);
  if (protocol !== "submit" && (tokenFile ?? usersFile) !== undefined) {
    throw new UsageError(
      "--token-file and --users-file need the protocol submit: its hello has them",
    );
  }
  const warnings: string[] = [];
  const warn = (line: string) => void warnings.push(line);
  const tls = tlsFiles && await readTls(tlsFiles, warn);
  const credentials = await readCredentials({
    ...(tokenFile !== undefined && { tokenFile }),
    ...(usersFile !== undefined && { usersFile }),
  }, warn);
  const own = SERVER_DEFAULTS;
  return {
    path: operands[0],
    config: given.config,
    log: readChoice("log", given.log ?? "text", ["text", "json"]),
    verbose: given.verbose ?? false,
    quiet: given.quiet ?? false,
    own: { statsIntervalMs, ...ending },
    credentials,
    sessionFile: storeFile,
    hasFiles: given.config !== undefined || tls !== undefined || credentials !== undefined,
    warnings,
    listen: {
      ...options,
      ...(settings.sessions && { sessions }),
      ...(tls && { tls }),
      ...(credentials && { authenticate: credentials.authenticate }),
      hostname: given.hostname?.replace(/^\[(.*)\]$/, "$1") ?? settings.hostname ?? own.hostname,
      ...(given.port === undefined && settings.listen !== undefined ? {} : {
        port: readInteger("port", given.port ?? `${settings.port ?? own.port}`, 0, 65_535),
      }),
      protocol,
      codec: readChoice("codec", given.codec ?? settings.codec ?? own.codec, [
        "auto",
        "wasm",
        "ts",
      ]),
      maxFrameBytes: given["max-frame"] === undefined
        ? settings.maxFrameBytes ?? own.maxFrameBytes
        : readSize("max-frame", given["max-frame"], 64, 64 << 20),
    },
  };
}
