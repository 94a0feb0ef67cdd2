/**
 * The server's options as the command takes them: flags, variables of the environment, a config file.
 *
 * All three are made from the options' own table, so that none is forgotten: `idleTimeoutMs` is
 * `--idle-timeout`, `FRAMEWIRE_IDLE_TIMEOUT`, and `"idleTimeoutMs"` in the file. Flags win over the
 * environment, that over the file, and that over the defaults.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { SERVER } from "../options/server.ts";
import { SESSION_LIMITS } from "../options/sessions.ts";
import { type OptionSpec, text } from "../options/spec.ts";
import { describe } from "../protocol/protocol.ts";
import { closest } from "./closest.ts";
import { oneLine, UsageError } from "./failure.ts";
import { COMMAND, FILE_OF, type SessionFiles, type Settings } from "./file_settings.ts";
import { readText } from "./files.ts";
import { type Host, readEnv } from "./host.ts";
import { SETTING_HELP } from "./setting_help.ts";
import { type SettingText, settingText } from "./setting_text.ts";
import type { OptionTable, OptionUsage } from "./usage.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Options that have flags of their own in `serve_usage.ts`. */
const OWN_FLAGS: readonly string[] = ["hostname", "port", "codec", "maxFrameBytes"];

/** All options that a file can hold. */
const SPECS: ReadonlyMap<string, OptionSpec<unknown>> = new Map(
  Object.entries({ ...SERVER, ...COMMAND } as Readonly<Record<string, OptionSpec<unknown>>>)
    .filter(([, spec]) => spec.schema !== undefined),
);

/** Parts of options that are objects, which have a flag each. */
interface Part {
  readonly option: "tls" | "sessions";
  readonly key: string;
  /** The key that this one stands in for. */
  readonly instead?: string;
  readonly spec: OptionSpec<unknown>;
}
const fileOf = (name: keyof typeof FILE_OF): Part => ({
  option: "tls",
  key: FILE_OF[name],
  instead: name,
  spec: text(undefined, "the path of a file"),
});
const limitOf = (key: keyof typeof SESSION_LIMITS): Part => ({
  option: "sessions",
  key,
  spec: SESSION_LIMITS[key],
});
const PARTS: Readonly<Record<string, Part>> = {
  tlsCert: fileOf("cert"),
  tlsKey: fileOf("key"),
  tlsClientCa: fileOf("clientCa"),
  sessionRetentionMs: limitOf("retentionMs"),
  sessionWindow: limitOf("window"),
  sessionResponseBytes: limitOf("maxResponseBytes"),
  sessionPushBytes: limitOf("maxPushBytes"),
  maxSessions: limitOf("maxSessions"),
};

/** The spec of what a text says: of an option, or of a part of one. */
function specOf(name: string): OptionSpec<unknown> | undefined {
  return Object.hasOwn(PARTS, name) ? PARTS[name]!.spec : SPECS.get(name);
}

/** Options that texts can say, in the order of the help. */
const TEXTS: ReadonlyMap<string, SettingText> = new Map(
  [...new Set([...OWN_FLAGS, ...SETTING_HELP.keys(), ...SPECS.keys(), ...Object.keys(PARTS)])]
    .flatMap((name) => {
      const schema = specOf(name)?.schema;
      const text = schema === undefined ? undefined : settingText(name, schema);
      return text === undefined ? [] : [[name, text]];
    }),
);

/** `idleTimeoutMs` as a flag: `idle-timeout`. */
function flagOf(name: string): string {
  const short = name.replace(/(Ms|Bytes)$/, "");
  // `maxInFlight` and `maxInFlightBytes` are two.
  const unique = short === name || !SPECS.has(short) ? short : name;
  return unique.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function usageOf(name: string, { placeholder, list }: SettingText): OptionUsage {
  const { group = "Server options", help = name } = SETTING_HELP.get(name) ?? {};
  const standard = specOf(name)?.default;
  const value = standard === undefined ? "" : ` (default ${shown(name, standard)})`;
  return { value: placeholder, help: help + value, group, ...(list && { list }) };
}

/** A default as one would write it. */
function shown(name: string, value: unknown): string {
  if (typeof value !== "number" || value === 0) return String(value);
  if (name.endsWith("Ms")) return value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`;
  if (!name.includes("Bytes")) return String(value);
  if (value % (1 << 20) === 0) return `${value / (1 << 20)}M`;
  return value % 1024 === 0 ? `${value / 1024}k` : String(value);
}

/** The flags of the server's options, by their names. */
export const SETTING_FLAGS: OptionTable = Object.fromEntries(
  [...TEXTS].filter(([name]) => !OWN_FLAGS.includes(name))
    .map(([name, text]) => [flagOf(name), usageOf(name, text)]),
);

/** The options that the flags, the environment and the config file ask for. */
export async function readSettings(
  host: Host,
  given: Readonly<Record<string, string | true | undefined>>,
  path: string | undefined,
): Promise<Settings> {
  const settings: Record<string, unknown> = path === undefined ? {} : await readConfig(path);
  for (const [name, { read, expected }] of TEXTS) {
    const flag = flagOf(name);
    const variable = `FRAMEWIRE_${flag.toUpperCase().replaceAll("-", "_")}`;
    const fromFlag = OWN_FLAGS.includes(name) ? undefined : given[flag];
    const text = fromFlag ?? readEnv(host, variable);
    if (typeof text !== "string") continue;
    const where = fromFlag === undefined ? variable : `--${flag}`;
    const value = read(text);
    if (value === undefined || value === "") {
      throw new UsageError(
        `${where} must be ${expected ?? "a text that is not empty"} and is ${JSON.stringify(text)}`,
      );
    }
    check(where, value, specOf(name)!);
    if (Object.hasOwn(PARTS, name)) {
      const { option, key, instead = key } = PARTS[name]!;
      const { [instead]: _, ...others } = (settings[option] ?? {}) as Record<string, unknown>;
      settings[option] = { ...others, [key]: value };
    } else if (name === "sessions") {
      const { storeFile: _, ...others } = (settings.sessions ?? {}) as SessionFiles;
      settings.sessions = { ...others, ...value as SessionFiles };
    } else {
      settings[name] = value;
    }
  }
  return settings;
}

/** Reads and checks a config file. */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path);
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${oneLine((error as Error).message)}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new UsageError(`${path} must hold an object of options and holds ${describe(config)}`);
  }
  const { $schema: _, ...options } = config as Record<string, unknown>;
  for (const [name, value] of Object.entries(options)) {
    if (name === "protocol") {
      if (value === "submit" || value === "echo") continue;
      throw new UsageError(
        `${path}: protocol must be "submit" or "echo" and is ${describe(value)}`,
      );
    }
    const spec = SPECS.get(name);
    if (spec === undefined) {
      const guess = closest(name, [...SPECS.keys(), "protocol"]);
      const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
      throw new UsageError(`${path}: there is no option ${name}${hint}`);
    }
    check(`${path}: ${name}`, value, spec);
  }
  return withPaths(dirname(path), options) as Record<string, unknown>;
}

/** Files are named from where the config file is, from wherever the command is called. */
function withPaths(folder: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [
    name,
    /File$/.test(name) && typeof inner === "string"
      ? resolve(folder, inner)
      : withPaths(folder, inner),
  ]);
  return Object.fromEntries(entries);
}

/** The JSON schema of a config file. */
export function configSchema(): Schema {
  const properties: Record<string, unknown> = {
    $schema: { type: "string" },
    protocol: { enum: ["submit", "echo"], default: "submit" },
  };
  for (const [name, { schema, default: standard, live }] of [...SPECS].sort()) {
    properties[name] = {
      ...schema,
      ...(standard !== undefined && { default: standard }),
      ...(live && { description: "May change while the server runs." }),
    };
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Framewire server",
    description: "The config file of `framewire serve --config`.",
    type: "object",
    properties,
    additionalProperties: false,
  };
}

function check(where: string, value: unknown, spec: OptionSpec<unknown>): void {
  const expected = spec.wrong(value);
  if (expected !== undefined) {
    throw new UsageError(`${where} must be ${expected} and is ${describe(value)}`);
  }
}
