/**
 * The host in a browser: a page of headless Chromium, driven by Playwright.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "../../helpers/chromium.ts";
import { path } from "../../helpers/root.ts";
import type { Answer, Command } from "./host.ts";
import type { StartedHost } from "./started.ts";

/** Starts the browser, with a page that is told what to do. */
export async function startBrowser(executablePath: string): Promise<StartedHost> {
  const { outputFiles: [script] } = await build({
    entryPoints: [path("tests/suite/hosts/browser.ts")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  // A page that comes from no address of this machine may not connect to it.
  const pages = createServer((_request, response) => response.end("<!doctype html>"));
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
  const kill = async () => {
    pages.closeAllConnections();
    pages.close();
    await browser.close();
  };
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: script!.text });
    return {
      async do(command: Command): Promise<Answer> {
        try {
          return await page.evaluate(
            (command) =>
              (globalThis as unknown as { suite(command: unknown): Promise<Answer> })
                .suite(command),
            command,
          );
        } catch (error) {
          return { failure: String(error) };
        }
      },
      kill,
    };
  } catch (error) {
    await kill();
    throw error;
  }
}
