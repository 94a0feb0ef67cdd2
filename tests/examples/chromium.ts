/**
 * A browser for examples that have a page.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { onDeno } from "../cli/command.ts";

/** Where Chromium is, of Debian's package and of others; undefined when it is nowhere. */
const executablePath = (process.env["PATH"] ?? "").split(process.platform === "win32" ? ";" : ":")
  .flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((n) => join(folder, n))
  )
  .find((path) => existsSync(path));

/** Why a test that needs a browser is skipped, or false. */
export function lacksChromium(): string | false {
  if (onDeno) return "playwright-core drives Chromium from Node";
  const mustBeThere = process.platform === "linux" && process.env["CI"] === "true";
  return executablePath === undefined && !mustBeThere &&
    "chromium is not installed (Debian: chromium)";
}

/** Starts Chromium without a window; it is closed when the test ends. */
export async function startChromium(t: { teardown(end: () => unknown): void }): Promise<Browser> {
  if (executablePath === undefined) throw new Error("no chromium on the search path");
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  t.teardown(() => browser.close());
  return browser;
}
