/**
 * Log records as lines of JSON.
 *
 * @module
 */
import type { GetLogger, Logger } from "../observe/logger.ts";

/**
 * Loggers that write one JSON object a line: `time` (ISO 8601), `level`, `category`, `message`, and the
 * record's properties.
 *
 * @param write Takes a line.
 * @param verbose Whether debug records are written too.
 */
export function jsonLogger(write: (line: string) => void, verbose: boolean): GetLogger {
  return (words) => {
    const category = words.join(".");
    const at = (level: keyof Logger): Logger["info"] => (message, properties) => {
      if (level === "debug" && !verbose) return;
      const time = new Date().toISOString();
      write(JSON.stringify({ time, level, category, message, ...properties }));
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  };
}
