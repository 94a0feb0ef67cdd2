/**
 * How the command fails: with one line for people, and an exit code for programs.
 *
 * @module
 */
import { isFramewireError } from "../errors.ts";

/** The command's exit codes. */
export const ExitCode = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** The command was called in a way it does not know. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The command could not do what it was asked to; the message says all there is to say. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
}

/** The exit code that an error means. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError || isFramewireError(error, "INVALID_OPTION")
    ? ExitCode.USAGE
    : ExitCode.FAILED;
}

/** What to print for an error: one line, but for an error of this program itself. */
export function describeFailure(error: unknown): string {
  if (error instanceof UsageError || error instanceof CommandError || isFramewireError(error)) {
    return oneLine(error.message);
  }
  return `internal error: ${error instanceof Error ? error.stack ?? error.message : error}`;
}

/** A message without its line breaks. */
export function oneLine(message: string): string {
  return message.trim().replaceAll(/\s*\n\s*/g, " ");
}
