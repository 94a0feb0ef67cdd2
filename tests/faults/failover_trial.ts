/**
 * Three servers, many clients under load, and one of the servers lost in one way after the other:
 * how long calls take meanwhile, and what became of them.
 *
 * As a program it prints the figures, and with --write puts them into the README:
 *
 *   deno run -A --no-check tests/faults/failover_trial.ts [--write]
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { connect, serve } from "#entry";
import { FaultProxy } from "../helpers/fault_proxy.ts";

/** What happens to a server. */
export const FAULTS = ["black hole", "reset", "kill", "half-open"] as const;
/** One of {@linkcode FAULTS}. */
export type Fault = typeof FAULTS[number];

/** How large a trial is. */
export interface TrialOptions {
  readonly clients: number;
  /** Calls that each client has under way. */
  readonly workers: number;
  /** How long a worker rests between two calls, in milliseconds. */
  readonly restMs: number;
  /** How long a server is away at the least, and until no call waits for it, in milliseconds. */
  readonly awayMs: number;
  /** How long all are there between two faults, in milliseconds. */
  readonly healMs: number;
  readonly budgetMs: number;
  /** How long a call may take before it counts as lost, in milliseconds. */
  readonly timeoutMs: number;
}

/** What became of the calls that were under way while a server was lost. */
export interface TrialFigures {
  readonly fault: Fault | "none";
  readonly calls: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What a trial found. */
export interface TrialResult {
  readonly figures: readonly TrialFigures[];
  /** Calls that succeeded and that no server has handled. */
  readonly lost: number;
  /** The failures, in words. */
  readonly failures: readonly string[];
}

const SERVERS = 3;

/** Runs all faults, each on another server. */
export async function failoverTrial(options: TrialOptions): Promise<TrialResult> {
  const handled = new Set<string>();
  const handlers = { submit: (packet: { text(): string }) => void handled.add(packet.text()) };
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, () => serve({ port: 0 }, handlers)),
  );
  const proxies = servers.map(({ addr }) => new FaultProxy({ target: addr.port }));
  await Promise.all(proxies.map((proxy) => proxy.listen()));
  const urls = proxies.map(({ port }) => `tcp://127.0.0.1:${port}`);
  const clients: Awaited<ReturnType<typeof connectTo>>[] = [];
  // One after the other: hundreds of handshakes at once take a busy machine longer than their deadline.
  for (let i = 0; i < options.clients; i++) clients.push(await connectTo(urls, options));
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let times: number[] = [];
  let failed = 0;
  let lost = 0;
  let number = 0;
  let over = false;
  const worker = async (client: typeof clients[number]) => {
    while (!over) {
      const name = `call ${number++}`;
      const since = performance.now();
      const call = client.submit(name, { idempotent: true });
      const settled = call.then(() => {}, () => {}).then(() => void underWay.delete(settled));
      underWay.add(settled);
      try {
        await call;
        if (!handled.delete(name)) lost++;
      } catch (error) {
        failed++;
        failures.push(`${name}: ${(error as Error).message}`);
      }
      times.push(performance.now() - since);
      // A call now and then, as programs make them: not as many as there can be.
      await wait(options.restMs);
    }
  };
  const workers = clients.flatMap((client) =>
    Array.from({ length: options.workers }, () => worker(client))
  );
  const figures: TrialFigures[] = [];
  const phase = async (fault: Fault | "none", ms: number) => {
    [times, failed] = [[], 0];
    const before = [...underWay];
    await wait(ms);
    await Promise.all(before);
    const sorted = times.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    const [p50Ms, p99Ms, maxMs] = [at(0.5), at(0.99), at(1)];
    figures.push({ fault, calls: sorted.length, failed, p50Ms, p99Ms, maxMs });
  };
  await phase("none", options.healMs);
  for (const [number, fault] of FAULTS.entries()) {
    const at = number % SERVERS;
    const proxy = proxies[at]!;
    switch (fault) {
      case "black hole":
        proxy.swallowing = true;
        for (const connection of proxy.connections) connection.blackHole();
        break;
      case "reset":
        proxy.refusing = true;
        for (const connection of proxy.connections) connection.reset();
        break;
      case "kill":
        await servers[at]!.shutdown({ deadlineMs: 0 });
        break;
      case "half-open":
        proxy.swallowing = true;
        for (const connection of proxy.connections) connection.halfOpen("server");
    }
    await phase(fault, options.awayMs);
    proxy.swallowing = proxy.refusing = false;
    if (fault === "kill") {
      servers[at] = await serve({ port: servers[at]!.addr.port }, handlers);
    }
    await wait(options.healMs);
  }
  over = true;
  await Promise.all(workers);
  await Promise.all(clients.map((client) => client.close({ deadlineMs: 0 })));
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await Promise.all(servers.map((server) => server.shutdown({ deadlineMs: 0 })));
  return { figures, lost, failures };
}

function connectTo(urls: readonly string[], { budgetMs, timeoutMs }: TrialOptions) {
  return connect(urls, {
    failover: { budgetMs },
    requestTimeoutMs: timeoutMs,
    firstConnect: "wait",
  });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The figures as a table in Markdown. */
export function tableOf({ figures }: TrialResult): string {
  const ms = (value: number) => value < 10 ? value.toFixed(1) : value.toFixed(0);
  const rows = figures.map(({ fault, calls, failed, p50Ms, p99Ms, maxMs }) =>
    [fault, calls, failed, ...[p50Ms, p99Ms, maxMs].map(ms)].join(" | ")
  );
  return [
    "what one of three servers suffers | calls meanwhile | failed | p50, ms | p99, ms | slowest, ms",
    "--- | ---: | ---: | ---: | ---: | ---:",
    ...rows,
  ].map((row) => `| ${row} |`).join("\n");
}

const BEGIN = "<!-- failover:begin -->";
const END = "<!-- failover:end -->";

if (import.meta.main) {
  const result = await failoverTrial({
    clients: 50,
    workers: 4,
    restMs: 5,
    awayMs: 3000,
    healMs: 1500,
    budgetMs: 2000,
    timeoutMs: 30_000,
  });
  const table = tableOf(result);
  console.log(`${table}\n\nlost: ${result.lost}\n${result.failures.slice(0, 5).join("\n")}`);
  if (process.argv.includes("--write")) {
    const readme = new URL("../../README.md", import.meta.url);
    const text = readFileSync(readme, "utf8");
    const [before, rest] = text.split(BEGIN);
    const [, after] = rest!.split(END);
    writeFileSync(readme, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
  }
  process.exit(result.lost + result.failures.length === 0 ? 0 : 1);
}
