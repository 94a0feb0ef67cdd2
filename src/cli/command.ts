/**
 * What a command is, and what it is run with.
 *
 * @module
 */
import type { Host } from "./host.ts";
import type { Output } from "./output.ts";
import type { CommandUsage } from "./usage.ts";

/** The surroundings of a command. */
export interface Context {
  readonly host: Host;
  /** Standard output. */
  readonly out: Output;
  /** Standard error. */
  readonly err: Output;
}

/** One command. */
export interface Command {
  readonly usage: CommandUsage;
  /**
   * Runs it.
   *
   * @param args What comes after its name.
   * @returns The exit code.
   */
  run(context: Context, args: readonly string[]): Promise<number>;
}
