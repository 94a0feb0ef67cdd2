/**
 * Options as data: each with its default, its check, and whether it may change while running. The
 * checks, the command's flags and the schema of its config file all come from here.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { describe } from "../protocol/protocol.ts";

/** The longest time that timers can wait, in milliseconds. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** One option. */
export interface OptionSpec<T> {
  /** What it is when it is not given; undefined where it has no default. */
  readonly default: T | undefined;
  /** Whether `server.reconfigure` may change it. */
  readonly live: boolean;
  /** What values it takes, as JSON schema; undefined where a file cannot hold it. */
  readonly schema: Readonly<Record<string, unknown>> | undefined;
  /** What is expected of a value, in words, when this one is wrong; undefined when it is right. */
  wrong(value: unknown): string | undefined;
}

/** A spec for each option of an interface. */
export type OptionSpecs<Options> = {
  readonly [Name in keyof Options]-?: OptionSpec<Exclude<Options[Name], undefined>>;
};

/** Extras of an option. */
interface Extras {
  /** Whether `server.reconfigure` may change it. */
  readonly live?: boolean;
}

/** A whole number in a range. */
export function whole(
  value: number | undefined,
  least: number,
  most: number,
  { live = false }: Extras = {},
): OptionSpec<number> {
  return {
    default: value,
    live,
    schema: { type: "integer", minimum: least, maximum: most },
    wrong: (given) =>
      Number.isInteger(given) && (given as number) >= least && (given as number) <= most
        ? undefined
        : `a whole number from ${least} to ${most}`,
  };
}

/** One of some words. */
export function choice<const Word extends string>(
  value: NoInfer<Word> | undefined,
  words: readonly Word[],
  { live = false }: Extras = {},
): OptionSpec<Word> {
  const quoted = words.map((word) => JSON.stringify(word));
  const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return {
    default: value,
    live,
    schema: { enum: words },
    wrong: (given) => words.includes(given as Word) ? undefined : expected,
  };
}

/** True or false. */
export function flag(
  value: boolean | undefined,
  { live = false }: Extras = {},
): OptionSpec<boolean> {
  return {
    default: value,
    live,
    schema: { type: "boolean" },
    wrong: (given) => typeof given === "boolean" ? undefined : "true or false",
  };
}

/** A text that is not empty. */
export function text(
  value: string | undefined,
  expected: string,
  { live = false }: Extras = {},
): OptionSpec<string> {
  return {
    default: value,
    live,
    schema: { type: "string", minLength: 1 },
    wrong: (given) => typeof given === "string" && given !== "" ? undefined : expected,
  };
}

/** A function. */
export function callback<T>({ live = false }: Extras = {}): OptionSpec<T> {
  return {
    default: undefined,
    live,
    schema: undefined,
    wrong: (given) => typeof given === "function" ? undefined : "a function",
  };
}

/** Anything else: what is wrong with a value is said by a function of its own. */
export function special<T>(
  wrong: (value: unknown) => string | undefined,
  { live = false, value, schema }: Extras & {
    readonly value?: T;
    readonly schema?: Readonly<Record<string, unknown>>;
  } = {},
): OptionSpec<T> {
  return { default: value, live, schema, wrong };
}

/** Anything at all: who uses it says what is wrong with it. */
export function unchecked<T>(): OptionSpec<T> {
  return special(() => undefined);
}

/** The defaults of all options that have one. */
export function defaultsOf<Options>(specs: OptionSpecs<Options>): Partial<Options> {
  const defaults: Record<string, unknown> = {};
  for (const [name, spec] of entries(specs)) {
    if (spec.default !== undefined) defaults[name] = spec.default;
  }
  return defaults as Partial<Options>;
}

/**
 * Checks options and fills in the defaults.
 *
 * @param caller The function that was given them, for the message.
 * @param specs All options there are.
 * @throws FramewireError INVALID_OPTION, naming the option, its value and its range.
 */
export function resolve<Options extends object>(
  caller: string,
  options: Options,
  specs: OptionSpecs<Options>,
): Options {
  if (typeof options !== "object" || options === null) {
    throw invalid(`${caller} takes an object of options, not ${describe(options)}`);
  }
  const resolved: Record<string, unknown> = defaultsOf(specs);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(specs, name)) {
      const known = Object.keys(specs).sort().join(", ");
      throw invalid(`${caller} knows no option ${name}; it knows ${known}`);
    }
    if (value === undefined) continue;
    checkOption(name, value, (specs as Record<string, OptionSpec<unknown>>)[name]!);
    resolved[name] = value;
  }
  return resolved as Options;
}

/** @throws FramewireError INVALID_OPTION when the option cannot have this value. */
export function checkOption(name: string, value: unknown, spec: OptionSpec<unknown>): void {
  const expected = spec.wrong(value);
  if (expected !== undefined) {
    throw invalid(`${name} must be ${expected} and is ${describe(value)}`);
  }
}

function entries<Options>(specs: OptionSpecs<Options>): [string, OptionSpec<unknown>][] {
  return Object.entries(specs);
}

function invalid(message: string): FramewireError {
  return new FramewireError("INVALID_OPTION", message);
}
