/**
 * Compiles the peers that the server is measured against into `bin/`. A peer is compiled again
 * only when its source is newer.
 *
 *   node bench/peers/build.mjs
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { SetupError } from "../setup_error.mjs";

const here = import.meta.dirname;
const bin = join(here, "bin");

/** Where each peer's program stands after {@linkcode buildPeers}. */
export const PEERS = {
  loadgen: join(bin, "loadgen"),
  limit: join(bin, "limit_server"),
  idleHolder: join(bin, "idle_holder"),
  go: join(bin, "go_server"),
};

/**
 * Compiles what is missing or stale.
 *
 * @returns {{ go: boolean }} whether the Go server is there; without `go` its rows are left out.
 * @throws when gcc is missing or a peer does not compile.
 */
export function buildPeers() {
  mkdirSync(bin, { recursive: true });
  if (!installed("gcc", "--version")) {
    throw new SetupError(
      "gcc is missing, and without it there is no load generator: install a C compiler " +
        "(Debian, Ubuntu: apt install gcc libc6-dev), or measure the codec alone with --only codec",
    );
  }
  for (const target of [PEERS.loadgen, PEERS.limit, PEERS.idleHolder]) {
    const source = join(here, `${target.slice(bin.length + 1)}.c`);
    if (stale(target, source)) compile("gcc", ["-O2", "-o", target, source]);
  }
  const go = installed("go", "version");
  if (go) {
    const source = join(here, "go_server.go");
    if (stale(PEERS.go, source)) compile("go", ["build", "-o", PEERS.go, source]);
  } else {
    console.warn("note: go is missing, so there are no Go rows (install Go 1.19 or newer for them)");
  }
  return { go };
}

function installed(command, versionFlag) {
  return spawnSync(command, [versionFlag], { stdio: "ignore" }).status === 0;
}

function stale(target, source) {
  const built = statSync(target, { throwIfNoEntry: false });
  return built === undefined || built.mtimeMs < statSync(source).mtimeMs;
}

function compile(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) throw new SetupError(`${command} ${args.join(" ")} failed`);
}

if (argv[1] === fileURLToPath(import.meta.url)) buildPeers();
