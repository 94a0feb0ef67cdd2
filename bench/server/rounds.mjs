/**
 * Measures one workload on every subject.
 *
 * A shared machine's speed drifts by tens of percent within minutes, so subjects take turns: every
 * round runs each of them once, ratios are taken within a round, and the median over the rounds
 * is reported.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PEERS } from "../peers/build.mjs";
import { output, ServerProcess } from "./processes.mjs";

/** The part of a run that loadgen treats as warm-up. */
const WARM_UP_SHARE = 0.2;
/** CPU time is read this long before the end of a run, while the load is certainly on. */
const SAMPLE_MARGIN_MS = 100;

/**
 * @typedef {{ requestsPerS: number, p50Us: number, p99Us: number, cpuUsPerRequest: number,
 *   cpuShare: number, rssBytes: number }} Run
 * @typedef {{ name: string, title: string, ours: boolean, median: Run, ofC: number,
 *   ofGo?: number, runs: Run[] }} Row `ofC` and `ofGo` are medians of the ratios within a round.
 */

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {import("./subjects.mjs").Subject[]} subjects
 * @param {{ rounds: number, seconds: number, warmUpSeconds: number }} pace
 * @returns {Promise<Row[]>}
 */
export async function measureWorkload(workload, subjects, { rounds, seconds, warmUpSeconds }) {
  const contenders = [];
  try {
    for (const subject of subjects) {
      const launch = subject.launch(workload.mode);
      if (launch === undefined) continue;
      const server = await ServerProcess.start(launch);
      contenders.push({ subject, server, runs: [] });
      await load(server, workload, warmUpSeconds);
    }
    for (let round = 0; round < rounds; round++) {
      // Every other round runs backwards, so that no subject always follows the same neighbour.
      const order = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const { server, runs } of order) runs.push(await load(server, workload, seconds));
    }
  } finally {
    await Promise.all(contenders.map(({ server }) => server.stop()));
  }
  const runsOf = (name) => contenders.find(({ subject }) => subject.name === name)?.runs;
  const c = runsOf("c");
  const go = runsOf("go");
  return contenders.map(({ subject: { name, title, ours }, runs }) => ({
    name,
    title,
    ours,
    median: medianRun(runs),
    ofC: medianRatio(runs, c),
    ...(go && { ofGo: medianRatio(runs, go) }),
    runs,
  }));
}

/** One run of the load generator against a server, watched from outside. */
async function load(server, { mode, connections, window, payloadBytes }, seconds) {
  const protocol = mode === "echo" ? "echo" : "submit";
  const args = [protocol, server.port, connections, window, payloadBytes, seconds].map(String);
  const finished = output(PEERS.loadgen, args);
  const [usage, text] = await Promise.all([watch(server, seconds), finished]);
  const told = JSON.parse(text);
  return {
    requestsPerS: told.requests_per_s,
    p50Us: told.p50_us,
    p99Us: told.p99_us,
    cpuUsPerRequest: usage.cpuShare * 1e6 / told.requests_per_s,
    ...usage,
  };
}

/** CPU share and memory of a server while it is under full load. */
async function watch(server, seconds) {
  await sleep(seconds * 1000 * WARM_UP_SHARE);
  const before = { at: performance.now(), cpuUs: server.cpuUs() };
  await sleep(seconds * 1000 * (1 - WARM_UP_SHARE) - SAMPLE_MARGIN_MS);
  const tookUs = (performance.now() - before.at) * 1000;
  return { cpuShare: (server.cpuUs() - before.cpuUs) / tookUs, rssBytes: server.rssBytes() };
}

function medianRun(runs) {
  const keys = Object.keys(runs[0]);
  return Object.fromEntries(keys.map((key) => [key, median(runs.map((run) => run[key]))]));
}

function medianRatio(runs, judge) {
  return median(runs.map((run, round) => run.requestsPerS / judge[round].requestsPerS));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
