/**
 * The layer between `parseArgs` and a command: one table of options gives the parsed values with
 * their types, the help, and errors that say what to do.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { closest } from "./closest.ts";
import { UsageError } from "./failure.ts";

/** One option of a command. */
export interface OptionUsage {
  /** Its one-letter name. */
  readonly short?: string;
  /** What its value is called in the help; without it the option is a switch. */
  readonly value?: string;
  /** What it does. */
  readonly help: string;
  /** Whether it may be given several times: its values are joined by commas. */
  readonly list?: true;
  /** The heading of the help that it is listed under, if that is not `Options`. */
  readonly group?: string;
}

/** The options of a command by their names. */
export type OptionTable = Readonly<Record<string, OptionUsage>>;

/** How a command is called. */
export interface CommandUsage<Options extends OptionTable = OptionTable> {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What comes after its name, for example `[payload…]`. */
  readonly operands: string;
  /** What the help says after the summary. */
  readonly details: string;
  readonly options: Options;
  /** Calls to show, each with what it does. */
  readonly examples: readonly (readonly [call: string, does: string])[];
}

/** The options that were given: text, or true for a switch. */
export type Given<Options extends OptionTable> = {
  readonly [Name in keyof Options]?: Options[Name] extends { value: string } ? string : true;
};

/** The options that every command has; `main.ts` sees to them. */
const COMMON_OPTIONS: OptionTable = {
  help: { short: "h", help: "show this help" },
  version: { short: "V", help: "show the version" },
};

/**
 * Reads a command's arguments.
 *
 * @throws UsageError An option is unknown, lacks its value or takes none.
 */
export function readArgs<Options extends OptionTable>(
  usage: CommandUsage<Options>,
  args: readonly string[],
): { given: Given<Options> & { readonly version?: true }; operands: string[] } {
  const table: OptionTable = { ...usage.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: [...args],
    // Not strict: its messages cannot say what to do.
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(table).map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", ...(short !== undefined && { short }) },
      ]),
    ),
  });
  const given: Record<string, string | true> = {};
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const option = Object.hasOwn(table, name) ? table[name] : undefined;
    if (option === undefined) throw unknown(usage, table, rawName);
    if (option.value === undefined) {
      if (value !== undefined) throw new UsageError(`--${name} takes no value`);
      given[name] = true;
    } else {
      // `--port --verbose`: the value was forgotten. `--to=-x` is said on purpose.
      if (value === undefined || (!inlineValue && /^-./.test(value) && Number.isNaN(+value))) {
        throw new UsageError(`--${name} needs a value: --${name} ${option.value}`);
      }
      const before = given[name];
      given[name] = option.list && before !== undefined ? `${before},${value}` : value;
    }
  }
  return { given: given as Given<Options>, operands };
}

function unknown(usage: CommandUsage, table: OptionTable, rawName: string): UsageError {
  const guess = rawName.startsWith("--")
    ? closest(rawName.slice(2).toLowerCase(), Object.keys(table))
    : undefined;
  const hint = guess === undefined ? "" : `; did you mean --${guess}?`;
  return new UsageError(`unknown option ${rawName}${hint} (framewire ${usage.name} --help)`);
}

/** The help of a command. */
export function helpOf(usage: CommandUsage): string {
  const groups = new Map<string, [string, string][]>();
  const table: OptionTable = { ...usage.options, ...COMMON_OPTIONS };
  for (const [name, { short, value, help, group = "Options" }] of Object.entries(table)) {
    const call = `${short === undefined ? "    " : `-${short}, `}--${name}${
      value ? ` ${value}` : ""
    }`;
    groups.set(group, [...(groups.get(group) ?? []), [call, help]]);
  }
  return [
    `${usage.summary}.`,
    "",
    `Usage: framewire ${usage.name} ${usage.operands} [options]`,
    "",
    usage.details,
    "",
    ...[...groups].flatMap(([group, options]) => [`${group}:`, ...columns(options), ""]),
    "Examples:",
    ...columns(usage.examples),
  ].join("\n");
}

/** How wide a terminal may be expected to be. */
const WIDTH = 80;
/** What is longer stands in a line of its own, so that it does not push away all others. */
const MOST_FIRST = 34;

/** Two columns, indented, the first as wide as it must be, and the second wrapped. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const lengths = rows.map(([first]) => first.length).filter((length) => length <= MOST_FIRST);
  const width = Math.max(0, ...lengths) || 8;
  return rows.flatMap(([first, second]) => {
    const [line = "", ...more] = wrap(second, WIDTH - width - 4);
    const rest = more.map((text) => " ".repeat(width + 4) + text);
    return first.length > width
      ? [`  ${first}`, `${" ".repeat(width + 4)}${line}`, ...rest]
      : [`  ${first.padEnd(width)}  ${line}`, ...rest];
  });
}

/** A text in lines of so many characters at the most, where its words let it. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
