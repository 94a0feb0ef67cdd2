/**
 * A host as its runner sees it: started, told what to do, ended.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { path } from "../../helpers/root.ts";
import type { Answer, Command } from "./host.ts";

/** A host that runs. */
export interface StartedHost {
  /** Tells it to do something. Never rejects: what goes wrong is part of the answer. */
  do(command: Command): Promise<Answer>;
  /** Ends it, whatever it does. */
  kill(): Promise<void>;
}

/** Without what the runner of this test tells it: Bun would take it for its own. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_)/.test(name)),
);

/** How much of what a host has written to standard error is told when it ends. */
const TOLD_CHARS = 2000;

/** A program that takes commands from its standard input, one line each. */
export class ProcessHost implements StartedHost {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #over: Promise<void>;
  #errors = "";
  #end: string | undefined;
  #commands = 0;

  constructor([command, ...args]: readonly [string, ...string[]]) {
    this.#child = spawn(command, args, {
      cwd: path("."),
      env: environment,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin!.on("error", () => {});
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { id, ...answer } = JSON.parse(line) as Answer & { readonly id: number };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
    this.#over = new Promise((resolve) => {
      const ended = (how: unknown) => {
        this.#end = `the host has ended: ${how}\n${this.#errors.slice(-TOLD_CHARS)}`;
        for (const answer of this.#waiting.values()) answer({ failure: this.#end });
        resolve();
      };
      this.#child.on("error", ended);
      this.#child.on("close", (code, signal) => ended(signal ?? code));
    });
  }

  do(command: Command): Promise<Answer> {
    if (this.#end !== undefined) return Promise.resolve({ failure: this.#end });
    const id = ++this.#commands;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin!.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#over;
  }
}
