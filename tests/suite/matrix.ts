/**
 * The matrix: every behaviour for every pair of a server and a client, over everything that carries bytes
 * between the two, with every codec.
 *
 * @module
 */

import type { Capabilities } from "../../src/link/capabilities.ts";
import { BEHAVIOURS } from "./behaviour.ts";
import type { Answer, Command, Task } from "./hosts/host.ts";
import type { StartedHost } from "./hosts/started.ts";
import { Hosts, type Runtime } from "./runtimes.ts";
import { type Behaviour, type Carrier, CARRIERS, CODEC_NAMES } from "./sides.ts";

/** One behaviour with one codec, in one cell. */
export interface Trial {
  readonly behaviour: Behaviour;
  readonly codec: (typeof CODEC_NAMES)[number];
  /** What the runtime lacks for it; it was not tried then. */
  readonly lacks?: string;
  /** What is wrong; undefined when nothing is. */
  readonly failure?: string;
}

/** Why there is no such pair. */
export interface Lack {
  readonly why: string;
  /** Of what that is said; undefined when it is said of all. */
  readonly carrier?: Carrier;
}

/** One server, one client, and what carries the bytes. */
export interface Cell {
  readonly server: string;
  readonly client: string;
  readonly carrier: Carrier;
  /** Why there is no such pair; undefined when there is. */
  readonly lacks?: Lack;
  readonly trials: readonly Trial[];
}

/** After this a host that does not answer is taken for one that hangs. */
const PATIENCE_MS = 120_000;
/** Cells that are tried at once. */
const LANES = 2;

/** A runtime with its two hosts. */
interface Side {
  readonly runtime: Runtime;
  readonly can: Capabilities;
  readonly server: StartedHost;
  readonly client: StartedHost;
}

/** A cell before it is tried. */
interface Planned extends Omit<Cell, "trials"> {
  readonly from: Side;
  readonly to: Side;
}

/**
 * Tries all pairs of runtimes.
 *
 * @param runtimes Those that are there.
 * @param done Told of each cell when it is done.
 */
export async function tryMatrix(
  runtimes: readonly Runtime[],
  done: (cell: Cell) => void = () => {},
): Promise<readonly Cell[]> {
  const hosts = new Hosts();
  try {
    // All of them: what is started after one has failed is to be ended too.
    const started = await Promise.allSettled(runtimes.map((runtime) => startSide(hosts, runtime)));
    const sides = started.map((side) => {
      if (side.status === "rejected") throw side.reason;
      return side.value;
    });
    const cells = sides.flatMap((to) =>
      sides.flatMap((from) => CARRIERS.map((carrier) => plan(to, from, carrier)))
    );
    const results = new Map<Planned, Cell>();
    for (const cell of cells) if (cell.lacks !== undefined) results.set(cell, cellOf(cell, []));
    await inLanes(cells.filter(({ lacks }) => lacks === undefined), async (cell) => {
      const result = cellOf(cell, await tryCell(hosts, cell));
      results.set(cell, result);
      done(result);
    });
    return cells.map((cell) => results.get(cell)!);
  } finally {
    await hosts.kill();
  }
}

/** Works on several cells at once, each host on one. */
async function inLanes(
  cells: readonly Planned[],
  work: (cell: Planned) => Promise<void>,
): Promise<void> {
  const open = [...cells];
  const busy = new Set<StartedHost>();
  let freed: (() => void)[] = [];
  const lane = async () => {
    while (open.length > 0) {
      const at = open.findIndex(({ to, from }) => !busy.has(to.server) && !busy.has(from.client));
      if (at < 0) {
        await new Promise<void>((resolve) => freed.push(resolve));
        continue;
      }
      const [cell] = open.splice(at, 1);
      const { to: { server }, from: { client } } = cell!;
      busy.add(server).add(client);
      await work(cell!);
      busy.delete(server);
      busy.delete(client);
      const waiting = freed;
      freed = [];
      for (const wake of waiting) wake();
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function startSide(hosts: Hosts, runtime: Runtime): Promise<Side> {
  const client = await hosts.start(runtime);
  const { capabilities: can, failure } = await client.do({ do: "tell" });
  if (can === undefined) throw new Error(`the host on ${runtime.name}: ${failure}`);
  const { listens = can.listen } = runtime;
  // A browser needs no second one, to be no server.
  const server = listens.length > 0 ? await hosts.start(runtime) : client;
  return { runtime, can, server, client };
}

/** Whether there is such a cell. */
function plan(to: Side, from: Side, carrier: Carrier): Planned {
  const cell = { server: to.runtime.name, client: from.runtime.name, carrier, to, from };
  const lacks = whatLacks(to, from, carrier);
  return lacks === undefined ? cell : { ...cell, lacks };
}

function whatLacks(to: Side, from: Side, carrier: Carrier): Lack | undefined {
  if (carrier === "memory") {
    if (to !== from) return { why: "memory joins the two sides of one process" };
    return to.runtime.serves
      ? undefined
      : { why: `${to.can.runtime} has no serve, which memory takes` };
  }
  const { listens = to.can.listen } = to.runtime;
  if (listens.length === 0) return { why: `${to.can.runtime} cannot listen` };
  if (!listens.includes(carrier)) return { why: `${to.can.runtime} cannot listen on`, carrier };
  return from.can.connect.includes(carrier)
    ? undefined
    : { why: `${from.can.runtime} cannot connect over`, carrier };
}

function cellOf({ server, client, carrier, lacks }: Planned, trials: readonly Trial[]): Cell {
  return { server, client, carrier, trials, ...(lacks !== undefined && { lacks }) };
}

let runs = 0;

async function tryCell(hosts: Hosts, { to, from, carrier }: Planned): Promise<Trial[]> {
  const trials: Trial[] = [];
  let hangs: string | undefined;
  for (const codec of CODEC_NAMES) {
    for (const behaviour of BEHAVIOURS) {
      const need = behaviour.needs?.find((need) => to.runtime.lacks?.[need] !== undefined);
      if (need !== undefined) {
        trials.push({ behaviour, codec, lacks: to.runtime.lacks![need] });
        continue;
      }
      const task = { behaviour: behaviour.id, carrier, codec, run: ++runs };
      const { failure = undefined, isHung = false } = hangs === undefined
        ? await tryOne(hosts, to.server, from.client, task)
        : { failure: hangs };
      if (isHung) hangs = "not tried: a host hangs";
      trials.push({ behaviour, codec, ...(failure !== undefined && { failure }) });
    }
  }
  return trials;
}

/** What of a trial is not as it should be. */
interface Verdict {
  readonly failure?: string;
  readonly isHung?: boolean;
}

async function tryOne(
  hosts: Hosts,
  server: StartedHost,
  client: StartedHost,
  task: Task,
): Promise<Verdict> {
  if (task.carrier === "memory") return verdictOf([await ask(server, { ...task, do: "alone" })]);
  const listen = task.carrier === "unix"
    ? `unix://${hosts.socketPath(String(task.run))}`
    : `${task.carrier}://:0${task.carrier.startsWith("ws") ? "/wire" : ""}`;
  const served = await ask(server, { ...task, do: "serve", listen: listen });
  const { url } = served;
  if (url === undefined) return verdictOf([served]);
  const ran = await ask(client, { ...task, do: "run", url });
  return verdictOf([ran, await ask(server, { do: "stop" })]);
}

/** An answer, or that there is none. */
type Asked = Answer & { readonly isHung?: boolean };

function verdictOf(answers: readonly Asked[]): Verdict {
  const failures = answers.flatMap(({ failure }) => failure ?? []);
  if (failures.length > 0) {
    return { failure: failures.join("\n"), isHung: answers.some(({ isHung }) => isHung) };
  }
  return answers.some(({ checks = 0 }) => checks > 0) ? {} : { failure: "nothing was compared" };
}

async function ask(host: StartedHost, command: Command): Promise<Asked> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<Asked>((resolve) => {
    const failure = `no answer to ${command.do} within ${PATIENCE_MS / 1000} s`;
    timer = setTimeout(() => resolve({ failure, isHung: true }), PATIENCE_MS);
  });
  return await Promise.race([host.do(command), late]).finally(() => clearTimeout(timer));
}
