/**
 * The real command as a child process: on Node the built package's, on Deno the source's.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isFramewireError } from "../../src/errors.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { connect } from "../helpers/runtime.ts";

/** Whether this test runs on Deno. */
export const onDeno: boolean = "Deno" in globalThis;

/** The program and its first arguments that stand for `framewire`. */
export const framewire: readonly string[] = onDeno
  ? [...denoCommand(), "run", "-A", path("mod.ts")]
  : [process.execPath, path("dist/cli.js")];

/** Signals and modes of files are for tests of the other systems. */
export const posix: { readonly skip: boolean } = { skip: process.platform === "win32" };

/** What a test's `t` has to offer. */
interface Test {
  teardown(end: () => void): void;
}

/** How a child process ended and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long output is waited for. */
const PATIENCE_MS = 90_000;

/** What is different for one child process. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command line in place of the command itself. */
  readonly shell?: string;
}

/** A child process. */
export class Running {
  readonly child: ChildProcess;
  /** Settles when it has ended and all its output is here. */
  readonly ended: Promise<Ended>;
  #text = { stdout: "", stderr: "" };
  #wake: (() => void)[] = [];
  #over = false;

  constructor(command: string, args: readonly string[], { cwd, env }: StartOptions) {
    // Under `npm test` the command would think that `npm run` had started it.
    const { npm_lifecycle_event: _, NO_COLOR: __, ...inherited } = process.env;
    this.child = spawn(command, args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...inherited, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdin!.on("error", () => {}); // it may end before it has read everything
    for (const name of ["stdout", "stderr"] as const) {
      this.child[name]!.setEncoding("utf8");
      this.child[name]!.on("data", (text: string) => {
        this.#text[name] += text;
        this.#notify();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        this.#over = true;
        this.#notify();
        resolve({ code, signal, ...this.#text });
      });
    });
  }

  /** Kills it when the test ends, by its own process id. */
  endWith(t: Test): this {
    t.teardown(() => {
      if (!this.#over) this.child.kill("SIGKILL");
    });
    return this;
  }

  /** Resolves with the match when what it wrote matches. */
  async wrote(name: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const match = pattern.exec(this.#text[name]);
      if (match !== null) return match;
      const leftMs = until - performance.now();
      if (this.#over || leftMs <= 0) {
        const why = this.#over ? "it ended" : `${PATIENCE_MS} ms passed`;
        throw new Error(
          `${name} never matched ${pattern}: ${why}\n${JSON.stringify(this.#text, null, 2)}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Sends a signal. */
  kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL" | "SIGHUP"): void {
    // Not `child.kill`: on Deno the exit code would be null then, however the process ends.
    process.kill(this.child.pid!, signal);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Starts `framewire` with arguments, or a shell command line. */
export function start(t: Test, args: readonly string[], options: StartOptions = {}): Running {
  const [program, ...first] = options.shell === undefined
    ? [...framewire, ...args]
    : ["sh", "-c", options.shell];
  return new Running(program!, first, options).endWith(t);
}

/** Runs `framewire` to its end, with a text as its standard input. */
export function run(
  t: Test,
  args: readonly string[],
  { input = "", ...options }: StartOptions & { readonly input?: string } = {},
): Promise<Ended> {
  const running = start(t, args, options);
  running.child.stdin!.end(input);
  return running.ended;
}

/** A running `framewire serve`. */
export interface Served {
  readonly running: Running;
  /** Where it listens, as `--to` takes it. */
  readonly to: string;
  readonly port: number;
}

/** Starts `framewire serve` on a free port. */
export async function startServer(
  t: Test,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<Served> {
  const running = start(t, ["serve", "--port", "0", ...args], options);
  const [, port] = await running.wrote("stdout", /^listening on .*:(\d+) \(/m);
  return { running, to: `127.0.0.1:${port}`, port: Number(port) };
}

/** A folder with files, removed when the test ends. */
export function folderOf(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "framewire-cli-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** The command as a line for `sh`. */
export function shellLine(args: readonly string[]): string {
  return [...framewire, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Whether a peer with these credentials comes in, and is served. */
export async function comesIn(to: string, auth: object, tls?: { ca: string }): Promise<boolean> {
  const url = `${tls === undefined ? "tcp" : "tls"}://${to.replace("127.0.0.1", "localhost")}`;
  try {
    const client = await connect(url, {
      hello: "required",
      ...auth,
      ...(tls !== undefined && { tls }),
    });
    await client.submit("hello");
    await client.close();
    return true;
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    return false;
  }
}
