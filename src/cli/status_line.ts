/**
 * The one line at the bottom of a terminal that is painted again and again.
 *
 * @module
 */
import type { Host } from "./host.ts";
import type { Output } from "./output.ts";

const REPAINT_MS = 1000;
/** Carriage return, and erase to the end of the line. */
const ERASE = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;
/** What handlers print with: these write to the terminal behind our back. */
const CONSOLE_METHODS = ["debug", "error", "info", "log", "warn"] as const;

/** A status line. */
export class StatusLine {
  readonly #host: Host;
  readonly #out: Output;
  readonly #render: () => string;
  readonly #restore: (() => void)[] = [];
  #text = "";
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param out A terminal.
   * @param render Tells what the line says now.
   */
  constructor(host: Host, out: Output, render: () => string) {
    this.#host = host;
    this.#out = out;
    this.#render = render;
  }

  /** Paints it, and again each second. */
  start(): void {
    for (const method of CONSOLE_METHODS) {
      const print = console[method];
      console[method] = (...values) => this.above(() => print.apply(console, values));
      this.#restore.push(() => console[method] = print);
    }
    this.#timer = setInterval(() => this.repaint(), REPAINT_MS);
    this.repaint();
  }

  /** Paints what it says now. */
  repaint(): void {
    if (this.#timer === undefined) return;
    this.#text = this.#render();
    this.#paint();
  }

  /** Lets something print whole lines above it. */
  above(print: () => void): void {
    if (this.#timer !== undefined) this.#out.write(ERASE);
    print();
    if (this.#timer !== undefined) this.#paint();
  }

  /** Leaves the terminal as if it had never been there. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const restore of this.#restore) restore();
    this.#out.write(ERASE);
  }

  /** A line as wide as the terminal would make it scroll. */
  #paint(): void {
    const text = this.#text.slice(0, this.#columns() - 1);
    this.#out.write(ERASE + (this.#host.noColor ? text : `\x1b[2m${text}\x1b[22m`));
  }

  #columns(): number {
    try {
      return this.#host.consoleSize().columns || DEFAULT_COLUMNS;
    } catch {
      return DEFAULT_COLUMNS;
    }
  }
}
