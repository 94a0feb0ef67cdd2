/**
 * A server's options and files read again while it runs.
 *
 * @module
 */
import { SERVER, SERVER_DEFAULTS, type ServerOptions } from "../options/server.ts";
import type { OptionSpec } from "../options/spec.ts";
import type { Server } from "../server/server.ts";
import { describeFailure } from "./failure.ts";
import type { OwnSettings, ServeCall } from "./serve_options.ts";

/** What came of reading options again. */
interface Reloaded {
  /** Options that have another value now. */
  readonly changed: readonly string[];
  /** Options whose new value needs a new start. */
  readonly kept: string[];
  /** Options whose new value the server does not take, and why. */
  readonly refused: readonly string[];
}

/** Gives a running server the options that are different, as far as it takes them. */
function reload(server: Server, before: ServerOptions, after: ServerOptions): Reloaded {
  const old = { ...SERVER_DEFAULTS, ...before } as Readonly<Record<string, unknown>>;
  const now = { ...SERVER_DEFAULTS, ...after } as Readonly<Record<string, unknown>>;
  const specs = SERVER as Readonly<Record<string, OptionSpec<unknown>>>;
  const changed: string[] = [];
  const kept: string[] = [];
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (JSON.stringify(old[name]) === JSON.stringify(now[name])) continue;
    if (specs[name]?.live === true) changed.push(name);
    else kept.push(name);
  }
  const valuesOf = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, now[name]]));
  try {
    server.reconfigure(valuesOf(changed)); // together: some bound each other
    return { changed, kept, refused: [] };
  } catch {
    // At least one of them is wrong: the others are taken.
  }
  const taken: string[] = [];
  const refused: string[] = [];
  for (const name of changed) {
    try {
      server.reconfigure(valuesOf([name]));
      taken.push(name);
    } catch (error) {
      refused.push(`${name} stays as it is: ${describeFailure(error)}`);
    }
  }
  return { changed: taken, kept, refused };
}

/** Reads what a server was called with again and again. */
export class Reloads {
  readonly #server: Server;
  readonly #call: ServeCall;
  readonly #note: (level: "info" | "warn", text: string) => void;
  #options: ServerOptions;
  #own: OwnSettings;
  /** Signals that come while files are being read wait for their turn. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param call What it was started with. */
  constructor(
    server: Server,
    call: ServeCall,
    note: (level: "info" | "warn", text: string) => void,
  ) {
    this.#server = server;
    this.#call = call;
    this.#note = note;
    this.#options = call.listen;
    this.#own = call.own;
  }

  /** Reads once more; undefined when something is wrong, and then nothing is changed. */
  read(readAgain: () => Promise<ServeCall>): Promise<ServeCall | undefined> {
    const turn = this.#turn.then(async () => {
      try {
        const again = await readAgain();
        this.#take(again);
        return again;
      } catch (error) {
        this.#note("warn", `nothing is changed: ${describeFailure(error)}`);
        return undefined;
      }
    });
    this.#turn = turn;
    return turn;
  }

  #take(again: ServeCall): void {
    const { changed, kept, refused } = reload(this.#server, this.#options, again.listen);
    const next = Object.entries(again.listen).filter(([name]) => changed.includes(name));
    const gone = changed.filter((name) => !Object.hasOwn(again.listen, name));
    const options: Record<string, unknown> = { ...this.#options, ...Object.fromEntries(next) };
    for (const name of gone) delete options[name];
    this.#options = options;
    const own = Object.entries(again.own);
    const before = new Map<string, unknown>(Object.entries(this.#own));
    const all = [...changed];
    for (const [name, value] of own) if (before.get(name) !== value) all.push(name);
    this.#own = again.own;
    const { credentials } = this.#call;
    if (credentials !== undefined && again.credentials !== undefined) {
      all.push(...credentials.become(again.credentials));
    } else if (credentials !== again.credentials) {
      kept.push("authentication");
    }
    if (this.#call.sessionFile !== again.sessionFile) kept.push("sessions.storeFile");
    const what = this.#call.config ?? "files";
    this.#note("info", `${what} read again; changed: ${all.join(", ") || "nothing"}`);
    if (kept.length > 0) this.#note("warn", `a new start is needed to change ${kept.join(", ")}`);
    for (const line of [...refused, ...again.warnings]) this.#note("warn", line);
  }
}
