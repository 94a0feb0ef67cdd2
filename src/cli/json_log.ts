/**
 * Log records as lines of JSON.
 *
 * @module
 */
import type { GetLogger, Logger } from "../observe/logger.ts";
import { FloodLimit } from "./flood_limit.ts";

/** Warnings and errors of one kind in one second. */
const MOST_A_SECOND = 100;

/**
 * Loggers that write one JSON object a line: `time` (ISO 8601), `level`, `category`, `message`, and the
 * record's properties.
 *
 * Of warnings and errors of one kind (category, gate, event and code) there are at most a hundred a
 * second; then one record has under `held` how many more there were.
 *
 * @param write Takes a line.
 * @param verbose Whether debug records are written too.
 */
export function jsonLogger(write: (line: string) => void, verbose: boolean): GetLogger {
  const limit = new FloodLimit(MOST_A_SECOND);
  return (words) => {
    const category = words.join(".");
    const at = (level: keyof Logger): Logger["info"] => {
      const put: Logger["info"] = (message, properties) =>
        write(
          JSON.stringify({
            time: new Date().toISOString(),
            level,
            category,
            message,
            ...properties,
          }),
        );
      if (level === "debug" && !verbose) return () => {};
      if (level === "debug" || level === "info") return put;
      return (message, properties = {}) => {
        const { gate, event, code } = properties;
        const kind = { gate, event, code }; // what is undefined is not written
        const sumUp = (held: number) => put(`and ${held} more within a second`, { ...kind, held });
        if (!limit.holdsBack(JSON.stringify([level, category, kind]), sumUp)) {
          put(message, properties);
        }
      };
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  };
}
