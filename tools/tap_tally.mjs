// Counts what a stream of TAP reports: assertions at the leaves, and the failures in full.

import { Parser } from "tap-parser";

/**
 * A writable stream of TAP that keeps count. A subtest's own line is not counted beside what is in
 * it, except when it failed by itself: it timed out, crashed, or ran another number than planned.
 */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** @type {{ name: string, detail: string }[]} */
  failures = [];
  #onFile;
  #parser;

  /** @param {(name: string, tally: Tally) => void} [onFile] Called at the end of each top-level subtest. */
  constructor(onFile) {
    this.#onFile = onFile;
    this.#parser = new Parser({ strict: false });
    this.#follow(this.#parser, []);
  }

  /** @param {string | Uint8Array} chunk */
  write(chunk) {
    this.#parser.write(chunk);
  }

  end() {
    this.#parser.end();
  }

  /**
   * Adds a failure that the TAP itself does not hold.
   *
   * @param {string} name
   * @param {string} detail
   */
  fail(name, detail) {
    this.failed++;
    this.failures.push({ name, detail });
  }

  /** @param {Parser} parser @param {string[]} names */
  #follow(parser, names) {
    let failedBefore = 0;
    let subtest = false;
    parser.on("child", (child) => {
      subtest = true;
      failedBefore = this.failed;
      this.#follow(child, [...names, child.name]);
    });
    parser.on("assert", (result) => {
      const summary = subtest;
      subtest = false;
      const name = [...names, result.name].filter(Boolean).join(" › ");
      if (result.skip || result.todo) {
        this.skipped++;
      } else if (!result.ok) {
        if (!summary || this.failed === failedBefore) this.fail(name, detail(result.diag));
      } else if (!summary) {
        this.passed++;
      }
      if (summary && names.length === 0) this.#onFile?.(result.name, this);
    });
    // A stream that breaks off, or that holds another number of tests than its plan.
    parser.on("complete", ({ failures }) => {
      for (const { tapError } of failures) {
        if (tapError) this.fail([...names, tapError].filter(Boolean).join(" › "), "");
      }
    });
    parser.on("bailout", (reason) => this.fail([...names, "bail out"].join(" › "), String(reason)));
  }
}

/** What of tap's diagnostics helps: the difference, the place, the source. */
function detail(diag) {
  if (!diag || typeof diag !== "object") return "";
  const lines = [];
  if (diag.expired) lines.push(`nothing was heard of ${diag.expired} any more`);
  if (diag.at?.fileName) lines.push(`at ${diag.at.fileName}:${diag.at.lineNumber}`);
  for (
    const key of ["message", "diff", "found", "wanted", "error", "signal", "exitCode", "stack"]
  ) {
    const value = diag[key];
    if (value === undefined || value === null) continue;
    if (diag.diff && (key === "found" || key === "wanted")) continue;
    let text = typeof value === "string" ? value.trimEnd() : JSON.stringify(value);
    if (key === "stack") text = ownFrames(text);
    lines.push(text.includes("\n") ? `${key}:\n${indent(text)}` : `${key}: ${text}`);
  }
  return lines.join("\n");
}

/** The stack without the frames of tap and of the runtime. */
function ownFrames(stack) {
  return stack.split("\n").filter((line) => !/node_modules|ext:|node:|TapWrap/.test(line)).join(
    "\n",
  );
}

function indent(text) {
  return text.split("\n").slice(0, 40).map((line) => `  ${line}`).join("\n");
}
