/**
 * A browser for examples that have a page.
 *
 * @module
 */

import process from "node:process";
import { onDeno } from "../cli/command.ts";
import { missingChromium } from "../helpers/chromium.ts";

export { startChromium } from "../helpers/chromium.ts";

/** Why a test that needs a browser is skipped, or false. */
export function lacksChromium(): string | false {
  if (onDeno) return "playwright-core drives Chromium from Node";
  const mustBeThere = process.platform === "linux" && process.env["CI"] === "true";
  return !mustBeThere && (missingChromium ?? false);
}
