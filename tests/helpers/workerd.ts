/**
 * workerd as a child process: a Worker is bundled, configured and served.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { build } from "esbuild";
import { path } from "./root.ts";

const platform = `${process.platform === "win32" ? "windows" : process.platform}-${
  process.arch === "x64" ? "64" : process.arch
}`;
const binary = path(
  `node_modules/@cloudflare/workerd-${platform}/bin/workerd${
    process.platform === "win32" ? ".exe" : ""
  }`,
);

/** Why there is no workerd here; undefined when there is. */
export const missingWorkerd: string | undefined = existsSync(binary)
  ? undefined
  : "workerd is not installed for this platform";

/** One socket of workerd. */
export interface WorkerdSocket {
  readonly name: string;
  /** Where it listens: `"127.0.0.1:0"`, or `"unix:PATH"`. */
  readonly address: string;
  readonly kind: "http" | "https" | "tcp" | "tls";
  /** Which export of the Worker's module takes its connections. */
  readonly entrypoint?: string;
}

/** What is served. */
export interface WorkerdConfig {
  /** Where its files are put. */
  readonly folder: string;
  /** The module, by its path in the project; or its text, which imports from the project's root. */
  readonly worker: { readonly file: string } | { readonly text: string };
  readonly compatibilityDate: string;
  readonly sockets: readonly WorkerdSocket[];
  /** PEM texts: of the sockets that speak TLS, and of whom the Worker trusts. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** workerd while it runs. */
export interface Workerd {
  /** The port of each socket that has one. */
  readonly ports: Readonly<Record<string, number>>;
  /** What it has written to standard error. */
  errors(): string;
  /** Ends it at once: SIGTERM would wait for what is open. */
  kill(): void;
}

/** Bundles a Worker and starts workerd with it; resolves when all sockets listen. */
export async function startWorkerd(config: WorkerdConfig): Promise<Workerd> {
  const { folder, worker, sockets } = config;
  await build({
    absWorkingDir: path("."),
    ...("file" in worker
      ? { entryPoints: [worker.file] }
      : { stdin: { contents: worker.text, resolveDir: path("."), loader: "ts" } }),
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    conditions: ["workerd"],
    loader: { ".wasm": "copy" },
    assetNames: "codec",
    external: ["node:*"],
    target: "es2022",
    logLevel: "warning",
  });
  writeFileSync(join(folder, "config.capnp"), capnp(config));
  return await runWorkerd(["config.capnp"], sockets.length, { cwd: folder });
}

/**
 * Starts workerd.
 *
 * @param args What stands behind `workerd serve`.
 * @param sockets How many sockets it is to listen on: then it is there.
 */
export async function runWorkerd(
  args: readonly string[],
  sockets: number,
  { cwd, env }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Workerd> {
  const child = spawn(binary, ["serve", "--control-fd=3", ...args], {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => errors += text);
  const ports: Record<string, number> = {};
  let listening = 0;
  const kill = () => void child.kill("SIGKILL");
  await new Promise<void>((resolve, reject) => {
    let told = "";
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}: ${errors}`)));
    (child.stdio[3] as Readable).setEncoding("utf8").on("data", (text: string) => {
      told += text;
      const lines = told.split("\n");
      told = lines.pop()!;
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line);
        if (event !== "listen") continue;
        ports[socket] = port;
        if (++listening === sockets) resolve();
      }
    });
  });
  return { ports, errors: () => errors, kill };
}

/** The configuration, in the language of Cap'n Proto. */
function capnp({ folder, compatibilityDate, sockets, tls }: WorkerdConfig): string {
  const text = (value: string) => JSON.stringify(value);
  // A Worker may have it as text.
  const wasm = existsSync(join(folder, "codec.wasm"))
    ? `(name = "codec.wasm", wasm = embed "codec.wasm"),`
    : "";
  const trust = tls === undefined ? "" : `, tlsOptions = (trustedCertificates = [${text(tls.ca)}])`;
  const keypair = tls === undefined
    ? ""
    : `tlsOptions = (keypair = (privateKey = ${text(tls.key)}, certificateChain = ${
      text(tls.cert)
    }))`;
  const kinds = {
    http: "http = ()",
    https: `https = (options = (), ${keypair})`,
    tcp: "tcp = ()",
    tls: `tcp = (${keypair})`,
  };
  const lines = sockets.map(({ name, address, kind, entrypoint }) => {
    const to = entrypoint === undefined ? "" : `, entrypoint = ${text(entrypoint)}`;
    return `    (name = ${text(name)}, address = ${text(address)}, ${kinds[kind]}, ` +
      `service = (name = "main"${to})),`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["local", "private"]${trust})),
  ],
  sockets = [
${lines.join("\n")}
  ],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    ${wasm}
  ],
  compatibilityDate = ${text(compatibilityDate)},
);
`;
}
