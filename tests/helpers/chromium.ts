/**
 * The system's Chromium, for tests of pages.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { Browser } from "playwright-core";

/** Where it is, under the names that systems give it; undefined when it is nowhere. */
export const CHROMIUM: string | undefined = (process.env["PATH"] ?? "").split(delimiter)
  .flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name))
  )
  .find((file) => existsSync(file));

/** Why there is none; undefined when there is. */
export const missingChromium: string | undefined = CHROMIUM === undefined
  ? "Chromium is not installed (Debian: chromium)"
  : undefined;

/** As a test needs it: it asks nobody but the page's server. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts it without a window; it is closed, and what it wrote removed, when the test ends. */
export async function startChromium(t: { teardown(end: () => unknown): void }): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error(missingChromium);
  // Loaded for Node alone: Playwright knows no other runtime.
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_FLAGS] });
  t.teardown(() => browser.close());
  return browser;
}
