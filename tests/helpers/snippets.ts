/**
 * The code blocks of a Markdown file.
 *
 * @module
 */

import { read } from "./root.ts";

/** One fenced block. */
export interface Snippet {
  /** The word after the fence, for example `"ts"`. */
  readonly language: string;
  /** The text between the fences. */
  readonly text: string;
  /** Where it begins, for messages: `README.md:12`. */
  readonly at: string;
}

/**
 * All fenced blocks of a file, in order.
 *
 * @param file From the project's root.
 */
export function snippets(file: string): Snippet[] {
  const found: Snippet[] = [];
  let open: { language: string; lines: string[]; at: string } | undefined;
  for (const [index, line] of read(file).split("\n").entries()) {
    if (!line.startsWith("```")) {
      open?.lines.push(line);
    } else if (open !== undefined) {
      found.push({ language: open.language, text: `${open.lines.join("\n")}\n`, at: open.at });
      open = undefined;
    } else {
      open = { language: line.slice(3).trim(), lines: [], at: `${file}:${index + 1}` };
    }
  }
  return found;
}
