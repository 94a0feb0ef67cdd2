/**
 * Programs that are started to see how long that takes.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";

/** How long one may take: far more than any does. */
const DEADLINE_MS = 60_000;

/**
 * Runs a program to its end.
 *
 * @returns {{ ms: number, stdout: string }} From its start to its end, and what it printed.
 */
export function timed([command, ...args]) {
  const startMs = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: DEADLINE_MS,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const ms = performance.now() - startMs;
  if (status !== 0) throw new Error(`${[command, ...args].join(" ")} failed: ${stderr}`);
  return { ms, stdout };
}

/**
 * Starts a server and ends it.
 *
 * @returns {Promise<number>} Milliseconds from its start to the line that says it listens.
 */
export function msToListening([command, ...args], { cwd, env }) {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    let [printed, errors, ms] = ["", "", undefined];
    child.stderr.setEncoding("utf8").on("data", (text) => errors += text);
    child.stdout.setEncoding("utf8").on("data", (text) => {
      printed += text;
      if (ms !== undefined || !/^listening on /m.test(printed)) return;
      ms = performance.now() - startMs;
      child.kill("SIGTERM");
    });
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      if (ms === undefined) reject(new Error(`it never listened: ${printed}${errors}`));
      else resolve(ms);
    });
  });
}

/** The middle one. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
