/**
 * The runtimes of the suite: which there are on this machine, and how a host is started on each.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { denoCommand } from "../helpers/programs.ts";
import { path, read } from "../helpers/root.ts";
import { CHROMIUM, missingChromium } from "../helpers/chromium.ts";
import { missingWorkerd } from "../helpers/workerd.ts";
import { ProcessHost, type StartedHost } from "./hosts/started.ts";
import { WORKERD_LISTENS, WorkerdHost } from "./hosts/started_workerd.ts";
import type { Carrier, Need } from "./sides.ts";

/** A runtime. */
export interface Runtime {
  readonly name: string;
  /** Why it is not there; undefined when it is. */
  readonly missing: string | undefined;
  /** Starts a host on it; what it needs besides is put into the folder. */
  start(folder: string): Promise<StartedHost>;
  /** What its servers cannot, and why. */
  readonly lacks?: Readonly<Record<Need, string>>;
  /** What it listens on, where others than the program say so. */
  readonly listens?: readonly Carrier[];
  /** Whether programs have `serve`, and so servers in memory too. */
  readonly serves: boolean;
}

const HOST = "tests/suite/hosts/process.ts";
const NODE_24 = "tests/nodes/node_modules/node24/bin/node";
const BUN = "node_modules/bun/bin/bun.exe";

const pem = (name: string) => read(`tests/fixtures/tls/${name}`);
const start = (...command: [string, ...string[]]) => Promise.resolve(new ProcessHost(command));
const absent = (file: string, what: string) => existsSync(file) ? undefined : what;

const thisNode = process.versions.node;

/** All runtimes, in the order of tables. */
export const RUNTIMES: readonly Runtime[] = [
  {
    name: "Deno",
    missing: undefined,
    serves: true,
    start: () => start(...denoCommand(), "run", "-A", "--no-check", HOST),
  },
  {
    name: "Node 20",
    missing: thisNode.startsWith("20.") ? undefined : `this is Node ${thisNode}`,
    serves: true,
    start: async () => start(process.execPath, await bundleForNode()),
  },
  {
    name: "Node 24",
    missing: absent(path(NODE_24), "it is not there: npm ci --prefix tests/nodes"),
    serves: true,
    start: () => start(path(NODE_24), HOST),
  },
  {
    name: "Bun",
    missing: absent(path(BUN), "it is not installed for this platform"),
    serves: true,
    start: () => start(path(BUN), HOST),
  },
  {
    name: "workerd",
    missing: missingWorkerd,
    serves: false,
    listens: WORKERD_LISTENS,
    lacks: {
      shutdown: "a Worker is not shut down by its program",
      "one server": "each connection of a Worker has a server of its own",
    },
    start: (folder) =>
      WorkerdHost.start(folder, {
        cert: pem("server.pem"),
        key: pem("server.key"),
        ca: pem("ca.pem"),
      }),
  },
  {
    name: "browser",
    missing: missingChromium,
    serves: false,
    // Loaded for Node alone: Playwright knows no other runtime.
    start: async () => (await import("./hosts/started_browser.ts")).startBrowser(CHROMIUM!),
  },
];

/** The host as one file: Node 20 runs no TypeScript. It is inside the project, where its packages are. */
async function bundleForNode(): Promise<string> {
  const outfile = path(".test-build/suite/host.mjs");
  await build({
    absWorkingDir: path("."),
    entryPoints: [HOST],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  return outfile;
}

/** The hosts of one run, each started once for each side. */
export class Hosts {
  readonly #folder = mkdtempSync(join(tmpdir(), "framewire-suite-"));
  readonly #started: StartedHost[] = [];
  #folders = 0;
  readonly #onExit = () => {
    void this.#end();
    this.#clean();
  };

  constructor() {
    // Also where the runner is ended before its time.
    process.once("exit", this.#onExit);
  }

  /** Starts one. @returns The host. */
  async start(runtime: Runtime): Promise<StartedHost> {
    const folder = mkdtempSync(join(this.#folder, `${this.#folders++}-`));
    const host = await runtime.start(folder);
    this.#started.push(host);
    return host;
  }

  /** Where Unix sockets go. */
  socketPath(name: string): string {
    return join(this.#folder, `${name}.sock`);
  }

  /** Ends all. */
  async kill(): Promise<void> {
    process.off("exit", this.#onExit);
    await this.#end();
    this.#clean();
  }

  async #end(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((host) => host.kill()));
  }

  #clean(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
