/**
 * The matrix as the README shows it: no figures in it that another run would not have.
 *
 * @module
 */

import { BEHAVIOURS } from "./behaviour.ts";
import type { Cell } from "./matrix.ts";
import { CODEC_NAMES } from "./sides.ts";

/** Where the README has it. */
export const BEGIN = "<!-- matrix:begin -->";
export const END = "<!-- matrix:end -->";

/** What stands where nothing can be tried. */
const NONE = "–";

/** The block of the README, without its ends. */
export function tableOf(cells: readonly Cell[]): string {
  const names = [...new Set(cells.map(({ server }) => server))];
  const rows = names.map((server) => [
    server,
    ...names.map((client) => {
      const tried = cells.filter((cell) =>
        cell.server === server && cell.client === client && cell.lacks === undefined
      );
      const passed = tried.filter(({ trials }) => trials.every(({ failure }) => !failure));
      const failed = tried.filter((cell) => !passed.includes(cell));
      return [...passed.map(({ carrier }) => carrier), ...failed.map((c) => `**not ${c.carrier}**`)]
        .join(" ") || NONE;
    }),
  ]);
  const pairs = cells.filter(({ lacks }) => lacks === undefined);
  const trials = pairs.flatMap((cell) => cell.trials).filter(({ lacks }) => lacks === undefined);
  const titles = BEHAVIOURS.map(({ title }) => title).join(", ");
  return [
    grid([["server \\ client", ...names], ...rows]),
    "",
    `${pairs.length} pairs, each of a server in one process and a client in another (with memory, of both in ` +
    `one), have shown ${BEHAVIOURS.length} behaviours with each choice of the codec (${
      CODEC_NAMES.join(", ")
    }), in ${trials.length} trials: ${titles}.`,
    "",
    `What is not there (${NONE}), and why: ${[...lacksOf(cells), ...untried(pairs)].join("; ")}.`,
  ].join("\n");
}

/** Why pairs are not there, each reason once. */
function lacksOf(cells: readonly Cell[]): string[] {
  const carriers = new Map<string, Set<string>>();
  for (const { lacks } of cells) {
    if (lacks === undefined) continue;
    const of = carriers.get(lacks.why) ?? new Set();
    if (lacks.carrier !== undefined) of.add(lacks.carrier);
    carriers.set(lacks.why, of);
  }
  return [...carriers].map(([why, of]) => of.size === 0 ? why : `${why} ${[...of].join(", ")}`);
}

/** What of the behaviours is not tried with some servers, and why. */
function untried(pairs: readonly Cell[]): string[] {
  const titles = new Map<string, Set<string>>();
  for (const { trials } of pairs) {
    for (const { lacks, behaviour: { title } } of trials) {
      if (lacks !== undefined) titles.set(lacks, (titles.get(lacks) ?? new Set()).add(title));
    }
  }
  return [...titles].map(([why, of]) => `${why}: nothing of ${[...of].join(" and ")} there`);
}

/** A table as `deno fmt` writes it. */
function grid(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join(
    "\n",
  );
}

/** The block as a text has it; undefined when it has none. */
export function blockOf(text: string): string | undefined {
  return new RegExp(`${BEGIN}\n\n([^]*?)\n\n${END}`).exec(text)?.[1];
}

/** The text with another block. */
export function withBlock(text: string, block: string): string {
  return text.replace(new RegExp(`(${BEGIN})[^]*?(${END})`), `$1\n\n${block}\n\n$2`);
}
