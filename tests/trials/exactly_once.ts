/**
 * The exactly-once trial: clients submit over a network that breaks, to a server that is killed, and
 * afterwards the server's database tells what was handled, how often, and in which order.
 *
 *   deno task trial --seeds 1000 [--from 1] [--at-once 1] [--plain]
 *                   [--clients 50] [--submits 2000] [--kills 4]
 *
 * One seed decides about faults, kills and waits. Sockets and processes have timing of their own, so that
 * a seed that fails comes near to failing again and need not.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { sqliteStore } from "../../src/entry/sqlite.ts";
import { isFramewireError } from "../../src/errors.ts";
import { FaultProxy, type Faults } from "../helpers/fault_proxy.ts";
import { random as numbers } from "../helpers/frames.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { connectAndStay } from "../helpers/runtime.ts";

/** How large a trial is. */
export interface TrialSize {
  readonly clients: number;
  /** Submits of each client. */
  readonly submits: number;
  /** How often the server is killed. */
  readonly kills: number;
}

/** What came of a trial. */
export interface TrialResult {
  /** What is wrong; empty when nothing is. */
  readonly wrong: readonly string[];
  /** Connections that the proxy has accepted. */
  readonly connections: number;
  /** Calls by what their callers know: `ok`, or the outcome. */
  readonly calls: Readonly<Record<string, number>>;
  readonly ms: number;
}

/** A trial whose calls are not settled by then has left some unsettled. */
const PATIENCE_MS = 180_000;
const IN_FLIGHT = 64;
/** A connection that is older is reset now and then, so that none that swallows stays for ever. */
const OLD_MS = 150;
const FRAME_BYTES = 20;

/** The server's process: it may be killed, and goes on with its database. */
class Server {
  readonly #database: string;
  #child: ChildProcess | undefined;

  constructor(database: string) {
    this.#database = database;
  }

  /** Returns the port. */
  async start(): Promise<number> {
    const script = path("tests/trials/trial_server.ts");
    const [command, ...first] = denoCommand();
    const options = ["run", "-A", "--no-check", "--config", path("deno.json")];
    const child = spawn(command, [...first, ...options, script, this.#database], {
      stdio: ["pipe", "pipe", "inherit"], // it ends with its input, should this process be killed
    });
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout! })) return Number(line);
    throw new Error("the trial's server ended before it listened");
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }
}

/** Runs one trial. */
export async function trial(
  seed: number,
  size: TrialSize,
  sessions: boolean,
): Promise<TrialResult> {
  const since = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "framewire-trial-"));
  const clean = () => rmSync(directory, { recursive: true, force: true });
  process.once("exit", clean);
  const database = join(directory, "trial.db");
  const server = new Server(database);
  const next = numbers(seed);
  const bytes = size.submits * FRAME_BYTES;
  const target = await server.start();
  const proxy = new FaultProxy({ target, seed, script: (_, random) => faults(random, bytes) });
  await proxy.listen();
  const stopAging = age(proxy, next);
  const wrong: string[] = [];
  const calls: Record<string, number> = {};
  let settled = 0;
  const kills = Array.from({ length: size.kills }, () => next(size.clients * size.submits))
    .sort((a, b) => a - b);
  let killing: Promise<void> | undefined;
  const restart = async () => {
    await server.kill();
    proxy.target = await server.start();
    killing = undefined;
  };
  const outcome = (): void => {
    settled++;
    if (killing === undefined && kills.length > 0 && settled >= kills[0]!) {
      kills.shift();
      killing = restart();
    }
  };
  const known = await Promise.all(
    Array.from(
      { length: size.clients },
      (_, client) =>
        submits(proxy.port, client, size.submits, sessions, numbers(seed * 1009 + client), {
          settled: (what) => {
            calls[what] = (calls[what] ?? 0) + 1;
            outcome();
          },
          wrong: (what) => wrong.push(`client ${client}: ${what}`),
        }),
    ),
  );
  await killing;
  stopAging();
  await proxy.close();
  await server.kill();
  const { kept, order } = read(database, size);
  for (let client = 0; client < size.clients; client++) {
    for (let number = 1; number <= size.submits; number++) {
      const times = kept[client]![number]!;
      const what = known[client]![number]!;
      const right = what === "ok"
        ? times === 1
        : what === "not-sent"
        ? times === 0
        : what === "unknown" && times <= 1;
      if (!right) wrong.push(`client ${client}, submit ${number}: ${what}, handled ${times} times`);
      if (sessions && what !== "ok") wrong.push(`client ${client}, submit ${number}: ${what}`);
    }
    if (sessions && order[client]!) wrong.push(`client ${client}: handled ${order[client]}`);
  }
  process.off("exit", clean);
  clean();
  return { wrong, connections: proxy.accepted, calls, ms: performance.now() - since };
}

/** What happens on one connection. Places are far enough apart for some progress on each. */
function faults(random: (below: number) => number, bytes: number): Faults {
  const at = 100 + random(Math.max(4000, Math.floor(bytes / 3)));
  switch (random(10)) {
    case 0:
      return { up: { cutAt: at } };
    case 1:
      return { down: { cutAt: at } };
    case 2:
      return { up: { resetAt: at } };
    case 3:
      return { down: { resetAt: at } };
    case 4:
      return { up: { blackHoleAt: at } };
    case 5:
      return { down: { blackHoleAt: at } };
    case 6:
      return { up: { delayMs: random(10), jitterMs: random(10) }, down: { jitterMs: random(10) } };
    case 7:
      return { up: { pieceBytes: [1, 50], resetAt: at }, down: { pieceBytes: [1, 50] } };
    case 8:
      return { refused: true };
    default:
      return { up: { halfOpenAt: at } };
  }
}

/** Resets connections that have stood for a while, now and then. Returns what stops that. */
function age(proxy: FaultProxy, random: (below: number) => number): () => void {
  const since = new Map<number, number>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const connection of proxy.connections) {
      const seen = since.get(connection.number) ?? now;
      since.set(connection.number, seen);
      if (now - seen > OLD_MS && random(3) === 0) connection.reset();
    }
  }, 50);
  return () => clearInterval(timer);
}

/** One client's submits, some of them under way at a time. Returns what is known of each. */
async function submits(
  port: number,
  client: number,
  count: number,
  sessions: boolean,
  random: (below: number) => number,
  told: { settled(what: string): void; wrong(what: string): void },
): Promise<string[]> {
  const known: string[] = [];
  const connected = await connectAndStay(`tcp://127.0.0.1:${port}`, {
    ...(sessions ? { session: true } : { hello: "required" }),
    firstConnect: "wait",
    connectTimeoutMs: 10_000,
    requestTimeoutMs: sessions ? PATIENCE_MS * 2 : 5000,
    sessionMaxAgeMs: PATIENCE_MS * 2,
    backoffMinMs: 5,
    backoffMaxMs: 100,
    random: () => random(1 << 30) / (1 << 30),
  });
  let pushed = 0;
  if (sessions) {
    connected.onPush((payload) => {
      const number = Number(new TextDecoder().decode(payload));
      if (number !== pushed + 10) told.wrong(`push ${number} after ${pushed}`);
      pushed = number;
    });
  }
  let under = 0;
  const done = new Promise<void>((resolve) => {
    let number = 0;
    const more = () => {
      while (under < IN_FLIGHT && number < count) {
        const mine = ++number;
        under++;
        const settle = (what: string) => {
          known[mine] = what;
          under--;
          told.settled(what);
          if (number === count && under === 0) resolve();
          else more();
        };
        connected.submit(`${client}:${mine}`).then(
          () => settle("ok"),
          (error) => settle((isFramewireError(error) && error.outcome) || `not ours: ${error}`),
        );
      }
    };
    more();
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    told.wrong(`${under} calls are not settled after ${PATIENCE_MS} ms`);
    void connected.close({ deadlineMs: 0 });
  }, PATIENCE_MS);
  await done;
  clearTimeout(timer);
  const pushes = Math.floor(count / 10) * 10;
  if (sessions && !late) await until(() => pushed === pushes, 20_000);
  if (sessions && pushed !== pushes) told.wrong(`the last push is ${pushed}, expected ${pushes}`);
  await connected.close({ deadlineMs: 0 });
  return known;
}

/** Waits until something holds, or for as long as it may take. */
async function until(holds: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!holds() && performance.now() < end) {
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
}

/** How often each submit was handled, and what is out of order. */
function read(database: string, { clients, submits }: TrialSize) {
  const store = sqliteStore(database);
  const rows = (store.database as {
    prepare(sql: string): { all(): { client: number; number: number }[] };
  }).prepare("SELECT client, number FROM handled ORDER BY rowid").all();
  store.close();
  const kept = Array.from({ length: clients }, () => new Uint32Array(submits + 1));
  const last = new Uint32Array(clients);
  const order: (string | undefined)[] = new Array(clients).fill(undefined);
  for (const { client, number } of rows) {
    kept[client]![number]!++;
    if (number <= last[client]!) order[client] ??= `${number} behind ${last[client]}`;
    last[client] = number;
  }
  return { kept, order };
}
