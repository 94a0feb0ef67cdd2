/**
 * The server's options as the command takes them: flags, variables of the environment, a config file.
 *
 * All three are made from the options' own table, so that none is forgotten: `idleTimeoutMs` is
 * `--idle-timeout`, `FRAMEWIRE_IDLE_TIMEOUT`, and `"idleTimeoutMs"` in the file. Flags win over the
 * environment, that over the file, and that over the defaults. What no text can hold, such as a
 * limit of rates, is in the file alone.
 *
 * @module
 */
import { SERVER, type ServerOptions } from "../options/server.ts";
import type { OptionSpec } from "../options/spec.ts";
import { describe } from "../protocol/protocol.ts";
import { closest } from "./closest.ts";
import { oneLine, UsageError } from "./failure.ts";
import { type Host, readEnv } from "./host.ts";
import { parseSize } from "./size.ts";
import type { OptionTable, OptionUsage } from "./usage.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Options that have flags of their own in `serve.ts`. */
const OWN_FLAGS: readonly string[] = ["hostname", "port", "codec", "maxFrameBytes"];

/** All options that a file can hold. */
const SPECS: ReadonlyMap<string, OptionSpec<unknown>> = new Map(
  Object.entries(SERVER as Readonly<Record<string, OptionSpec<unknown>>>)
    .filter(([, spec]) => spec.schema !== undefined),
);

/** What a text stands for, by the option's schema; undefined where no text can say it. */
function reader(name: string, schema: Schema): ((text: string) => unknown) | undefined {
  if (Array.isArray(schema.enum) || schema.type === "string") return (text) => text;
  if (schema.type === "integer" || schema.anyOf !== undefined) {
    return (text) =>
      (name.includes("Bytes") ? parseSize(text) : undefined) ??
        (/^\d+$/.test(text) ? Number(text) : text);
  }
  if (schema.type === "boolean") {
    return (text) => text === "true" ? true : text === "false" ? false : text;
  }
  const items = schema.items as Schema | undefined;
  if (schema.type === "array" && (items?.type === "string" || Array.isArray(items?.enum))) {
    return (text) => text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  }
  return undefined;
}

/** `idleTimeoutMs` as a flag: `idle-timeout`. */
function flagOf(name: string): string {
  const short = name.replace(/(Ms|Bytes)$/, "");
  // `maxInFlight` and `maxInFlightBytes` are two.
  const unique = short === name || !SPECS.has(short) ? short : name;
  return unique.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What the help calls a value. */
function placeholder(name: string, schema: Schema): string {
  if (Array.isArray(schema.enum)) return schema.enum.join("|");
  if (schema.type === "array") return "LIST";
  if (schema.type === "boolean") return "true|false";
  return name.endsWith("Ms") ? "MS" : name.includes("Bytes") ? "SIZE" : "N";
}

function usageOf(name: string, { schema, default: standard }: OptionSpec<unknown>): OptionUsage {
  const value = standard === undefined ? "" : ` (default ${standard})`;
  return { value: placeholder(name, schema!), help: `${name}${value}`, group: "Server options" };
}

/** The flags of the server's options, by their names. */
export const SETTING_FLAGS: OptionTable = Object.fromEntries(
  [...SPECS].flatMap(([name, spec]) =>
    OWN_FLAGS.includes(name) || reader(name, spec.schema!) === undefined
      ? []
      : [[flagOf(name), usageOf(name, spec)]]
  ),
);

/** The options that the flags, the environment and the config file ask for. */
export async function readSettings(
  host: Host,
  given: Readonly<Record<string, string | true | undefined>>,
  path: string | undefined,
): Promise<Partial<ServerOptions> & { readonly protocol?: string }> {
  const settings: Record<string, unknown> = path === undefined ? {} : await readConfig(path);
  for (const [name, spec] of SPECS) {
    const read = reader(name, spec.schema!);
    if (read === undefined) continue;
    const flag = flagOf(name);
    const variable = `FRAMEWIRE_${flag.toUpperCase().replaceAll("-", "_")}`;
    const fromFlag = OWN_FLAGS.includes(name) ? undefined : given[flag];
    const text = fromFlag ?? readEnv(host, variable);
    if (typeof text !== "string") continue;
    const value = read(text);
    check(fromFlag === undefined ? variable : `--${flag}`, value, spec);
    settings[name] = value;
  }
  return settings;
}

/** Reads and checks a config file. */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    const { readFile } = await import("node:fs/promises");
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${oneLine(String((error as Error).message))}`);
  }
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
  return options;
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
