/**
 * Loading the module whose default export is a server's handlers.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isFramewireError } from "../errors.ts";
import { chooseProtocol, loadProtocol } from "../protocol/choice.ts";
import { describe } from "../protocol/protocol.ts";
import { CommandError, oneLine } from "./failure.ts";
import type { Host } from "./host.ts";

/** The protocols that the command serves, each with its handler that a function stands for. */
const MAIN_HANDLER = { submit: "submit", echo: "data" } as const;

/**
 * Loads handlers.
 *
 * @param path Relative to the current folder.
 * @throws CommandError It cannot be loaded, or exports something else.
 */
export async function loadHandlers(
  host: Host,
  path: string,
  protocol: keyof typeof MAIN_HANDLER,
): Promise<object> {
  const exported = await load(host, path);
  const main = MAIN_HANDLER[protocol];
  const example = `export default { ${main}(packet, conn) { … } }`;
  if (!("default" in exported)) {
    throw new CommandError(`${path} has no default export; expected ${example}`);
  }
  const handlers = typeof exported.default === "function"
    ? { [main]: exported.default }
    : exported.default;
  if (typeof handlers !== "object" || handlers === null) {
    throw new CommandError(
      `the default export of ${path} is ${describe(handlers)}; expected ${example}`,
    );
  }
  const chosen = chooseProtocol(protocol);
  await loadProtocol(chosen);
  try {
    chosen.server(handlers as never);
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    throw new CommandError(`the default export of ${path} does not fit: ${error.message}`);
  }
  return handlers;
}

async function load(host: Host, path: string): Promise<{ readonly default?: unknown }> {
  const file = resolve(host.cwd(), path);
  let isFile: boolean;
  try {
    ({ isFile } = host.statSync(file));
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") {
      throw new CommandError(`there is no file ${file}; name the handlers module by its path`);
    }
    throw new CommandError(`${path} cannot be read: ${whyNot(error)}`);
  }
  if (!isFile) throw new CommandError(`${path} is no file; name the module itself`);
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    throw new CommandError(`${path} could not be loaded: ${whyNot(error)}`);
  }
}

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${describe(error)}`;
  const { code } = error as { code?: unknown };
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return "this version of Node does not load TypeScript; use .js or .mjs, or Node 22.18 or newer";
  }
  const what = oneLine(`${error.name}: ${error.message}`);
  // What Node says of an `export` in CommonJS depends on its version.
  if (
    code === "ERR_REQUIRE_CYCLE_MODULE" ||
    /^SyntaxError: (Unexpected token 'export'|Cannot use import statement)/.test(what)
  ) {
    return 'Node takes it for CommonJS; name it .mjs, or put "type": "module" into its package.json';
  }
  // The place, unless the message tells it: Node has it in the stack alone.
  const place = /file:\/\/[^\s()]+:\d+/.exec(error.stack ?? "")?.[0];
  return place === undefined || what.includes(place) ? what : `${what} (${place})`;
}
