/**
 * Where logs go: an interface as small as it can be, which LogTape's `getLogger` and a console meet as
 * they are. So the library imports no logger, and says nothing unless it is given one.
 *
 * @module
 */

/** Takes log records of one category. Properties hold no secrets and no payload. */
export interface Logger {
  /** What is of interest to whoever looks for a fault. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** What happens in the life of a server. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** What an operator should look at. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** What has failed. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/** Gives the logger of a category. */
export type GetLogger = (category: readonly ["framewire", ...string[]]) => Logger;
