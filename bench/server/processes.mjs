/**
 * Server processes under measurement: start, watch through /proc, stop by pid.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** Clock ticks per second of /proc/PID/stat: USER_HZ, which Linux fixes at 100. */
const TICKS_PER_S = 100;
const START_DEADLINE_MS = 15_000;

const running = new Set();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

/**
 * How to start a server: a command that either prints `listening PORT`, or (with `port` in its
 * arguments) listens at the port it is told.
 *
 * @typedef {{ command: string, args: (port: number) => string[], tellsPort: boolean,
 *   env?: Record<string, string> }} Launch
 */

/** A running server. */
export class ServerProcess {
  #child;
  port;

  constructor(child, port) {
    this.#child = child;
    this.port = port;
  }

  /** @param {Launch} launch */
  static async start({ command, args, tellsPort, env = {} }) {
    const asked = tellsPort ? 0 : await freePort();
    const child = spawn(command, args(asked), {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    const what = [command, ...args(asked)].join(" ");
    const port = tellsPort ? await toldPort(child, what) : await openPort(child, asked, what);
    return new ServerProcess(child, port);
  }

  /** CPU time so far in µs, user and system, of all threads. */
  cpuUs() {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
    // The second field is the command in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * (1e6 / TICKS_PER_S);
  }

  /** Resident memory in bytes. */
  rssBytes() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "latin1");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  }

  /** How many file descriptors are open. */
  openFiles() {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  /** Ends the process and waits until it is gone. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/**
 * Runs a program to its end.
 *
 * @returns {Promise<string>} what it printed.
 * @throws when it exits with anything but 0.
 */
export function output(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => text += part);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      if (code === 0) return resolve(text);
      reject(
        new Error(`${command} ${args.join(" ")} ended with ${signal ?? code}: ${text.trim()}`),
      );
    });
  });
}

/**
 * Starts a program that holds something until its stdin ends; resolves with its first line. What
 * `release` resolves with is what it printed after that.
 */
export async function hold(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  running.add(child);
  const gone = new Promise((resolve) =>
    child.once("close", () => {
      running.delete(child);
      resolve();
    })
  );
  let text = "";
  const line = await firstLine(child, `${command} ${args.join(" ")}`);
  child.stdout.setEncoding("utf8").on("data", (part) => text += part);
  const release = async () => {
    child.stdin.end();
    await gone;
    return text.trim();
  };
  return { line, release };
}

async function firstLine(child, what) {
  const lines = createInterface({ input: child.stdout });
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  return await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("error", reject);
    child.once(
      "exit",
      (code, signal) => reject(new Error(`${what} ended at once with ${signal ?? code}`)),
    );
    deadline.onabort = () =>
      reject(new Error(`${what} printed nothing in ${START_DEADLINE_MS / 1000} s`));
  });
}

async function toldPort(child, what) {
  const line = await firstLine(child, what);
  const port = /^listening (\d+)$/.exec(line)?.[1];
  if (port === undefined) throw new Error(`${what} printed "${line}", not "listening PORT"`);
  return Number(port);
}

async function openPort(child, port, what) {
  for (const end = Date.now() + START_DEADLINE_MS; Date.now() < end; await sleep(20)) {
    if (child.exitCode !== null) throw new Error(`${what} ended at once with ${child.exitCode}`);
    if (await connects(port)) return port;
  }
  throw new Error(`${what} does not listen`);
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
