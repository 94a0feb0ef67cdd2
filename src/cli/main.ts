/**
 * The `framewire` command: which of its commands is meant, and how it ends.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import { closest } from "./closest.ts";
import type { Command, Context } from "./command.ts";
import { describeFailure, ExitCode, exitCodeOf, UsageError } from "./failure.ts";
import { loadHost } from "./host.ts";
import { Output } from "./output.ts";
import { columns, helpOf, readArgs } from "./usage.ts";

/** The commands by their names, each with what it takes, which the others do not load. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["serve", async () => (await import("./serve.ts")).serveCommand],
  ["send", async () => (await import("./send.ts")).sendCommand],
  ["ping", async () => (await import("./ping.ts")).pingCommand],
]);

/** Runs the command with the process's arguments, and ends the process. */
export async function main(): Promise<void> {
  const host = await loadHost();
  const context = { host, out: new Output(host.stdout), err: new Output(host.stderr) };
  const code = await run(context, host.args);
  await Promise.all([context.out.flush(), context.err.flush()]);
  host.exit(code);
}

async function run(context: Context, args: readonly string[]): Promise<number> {
  let caller = "framewire";
  try {
    const [name = "", ...rest] = args;
    const load = COMMANDS.get(name);
    if (load !== undefined) {
      caller = `framewire ${name}`;
      return await runCommand(context, await load(), rest);
    }
    return await runNone(context, name, rest);
  } catch (error) {
    const { host, err } = context;
    const label = err.terminal && !host.noColor ? "\x1b[31merror:\x1b[39m" : "error:";
    err.line(`${caller}: ${label} ${describeFailure(error)}`);
    return exitCodeOf(error);
  }
}

async function runCommand(
  context: Context,
  command: Command,
  args: readonly string[],
): Promise<number> {
  // Help is given whatever else is wrong with the call.
  const asked = args.slice(0, args.includes("--") ? args.indexOf("--") : undefined);
  if (asked.includes("--help") || asked.includes("-h")) {
    context.out.line(helpOf(command.usage));
    return ExitCode.OK;
  }
  if (readArgs(command.usage, args).given.version) {
    context.out.line(`framewire ${VERSION}`);
    return ExitCode.OK;
  }
  return await command.run(context, args);
}

/** The first argument names no command. */
async function runNone(
  { out, err }: Context,
  name: string,
  rest: readonly string[],
): Promise<number> {
  switch (name) {
    case "--version":
    case "-V":
      out.line(`framewire ${VERSION}`);
      return ExitCode.OK;
    case "--help":
    case "-h":
    case "help": {
      const load = COMMANDS.get(rest[0] ?? "");
      out.line(load === undefined ? await overview() : helpOf((await load()).usage));
      return ExitCode.OK;
    }
    case "":
      err.line(await overview());
      return ExitCode.USAGE;
  }
  const names = [...COMMANDS.keys()];
  if (name.startsWith("-")) {
    throw new UsageError(`the command comes first: framewire ${oneOf(names)} … (--help)`);
  }
  const guess = closest(name.toLowerCase(), names);
  const hint = guess === undefined ? `use ${oneOf(names)}` : `did you mean ${guess}?`;
  throw new UsageError(`unknown command "${name}"; ${hint} (framewire --help)`);
}

/** `a, b or c`. */
function oneOf(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Array.from(COMMANDS.values(), (load) => load()));
  return [
    `framewire ${VERSION}: a server and a client for framed packets over TCP.`,
    "",
    "Usage:",
    ...columns([
      ...commands.map(({ usage }): [string, string] => [
        `framewire ${usage.name} ${usage.operands}`,
        usage.summary[0]!.toLowerCase() + usage.summary.slice(1),
      ]),
      ["framewire COMMAND --help", "show the options of a command"],
      ["framewire --version", "show the version"],
    ]),
  ].join("\n");
}
