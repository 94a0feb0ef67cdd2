/**
 * A server with sessions and its clients, driven by chance alone: bytes arrive in pieces and late,
 * connections break on one side or both, servers stop and crash, stores fail, handlers take their time,
 * sessions are taken over and expire. One number says all that happens: the same seed, the same run.
 *
 * @module
 */

import { RequestRefused } from "#entry";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { Server } from "../../src/server/server.ts";
import { memoryStore } from "../../src/session/memory_store.ts";
import type { SessionStore, StoredSession } from "../../src/session/store.ts";
import { NO_DEADLINES } from "../helpers/no_deadlines.ts";
import { random } from "../helpers/frames.ts";
import { type Deferred, deferred, serve } from "../helpers/runtime.ts";
import { SimNetwork } from "../helpers/sim_network.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import { type Fate, SimClient, type SimPeer } from "./sim_client.ts";
import { RealClient } from "./sim_real_client.ts";

const PORT = 7;
/** More requests than there are in a run. */
const WINDOW = 1024;
const FEATURES = ["request", "push", "drain", "credit", "crc32c", "lz4", "ping"] as const;

/** What a database keeps: sessions, and what handlers wrote. */
class Disk {
  readonly sessions = new Map<string, StoredSession>();
  effects: string[] = [];

  /** The database as one server has it open; `isOpen` ends with its process. */
  open(state: Life): SessionStore {
    const whileOpen = () => {
      if (!state.isOpen) throw new Error("the process is gone");
      if (!state.fails) return;
      state.fails = false;
      state.failures++;
      throw new Error("disk full");
    };
    return {
      create: (session) => {
        whileOpen();
        this.sessions.set(session.id, session);
      },
      load: (id) => {
        whileOpen();
        return this.sessions.get(id);
      },
      transaction: (run) => {
        const { length } = this.effects;
        try {
          run();
        } catch (error) {
          this.effects.length = length;
          throw error;
        }
      },
      commit: (changes) => {
        whileOpen();
        for (const { id, usedAt, answers, pushes, pushesDone, answersDone } of changes) {
          const kept = this.sessions.get(id);
          if (kept === undefined) continue;
          this.sessions.set(id, {
            ...kept,
            usedAt,
            answers: [...kept.answers, ...answers].filter(({ seq }) => seq > answersDone)
              .sort((a, b) => a.seq - b.seq),
            pushes: [...kept.pushes, ...pushes].filter(({ seq }) => seq > pushesDone),
            lastPush: pushes.at(-1)?.seq ?? kept.lastPush,
          });
        }
      },
      expire: (before) => {
        whileOpen();
        const old = [...this.sessions.values()].filter(({ usedAt }) => usedAt < before);
        for (const { id } of old) this.sessions.delete(id);
        return old.length;
      },
      remove: (id) => {
        whileOpen();
        this.sessions.delete(id);
      },
      close() {},
    };
  }
}

/** One server's time. */
interface Life {
  isOpen: boolean;
  /** Whether its store fails the next time. */
  fails: boolean;
  /** How often that was so. */
  failures: number;
}

/** A handler under way. */
interface Running {
  readonly key: string;
  readonly done: Deferred<void>;
  readonly life: Life;
}

/** What a run was like, to see that runs are worth something. */
export interface SimReport {
  readonly requests: number;
  readonly unknown: number;
  readonly lost: number;
  readonly pushes: number;
  readonly crashes: number;
  readonly cuts: number;
  readonly repeats: number;
  readonly takenOver: number;
  readonly replayed: number;
  /** Everything that clients were sent, as one number: equal for equal runs. */
  readonly trace: number;
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Lets everything happen that needs neither bytes nor time. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Puts what is left to chance and to the time of day under the seed; returns what undoes that. */
function underSeed(next: (below: number) => number, clock: VirtualClock): () => void {
  const { subtle } = crypto;
  const { now } = Date;
  const { random: chance } = Math;
  const digest = subtle.digest;
  Date.now = () => 1_700_000_000_000 + clock.now();
  Math.random = () => next(1 << 30) / (1 << 30);
  // The real one settles when a thread is done with it, which no seed knows.
  Object.defineProperty(subtle, "digest", {
    configurable: true,
    value: (_: string, bytes: Uint8Array) => {
      const hash = new Uint8Array(32);
      bytes.forEach((byte, i) => hash[i % 32] = (hash[i % 32]! * 31 + byte) & 255);
      return Promise.resolve(hash.buffer);
    },
  });
  return () => {
    Date.now = now;
    Math.random = chance;
    Reflect.deleteProperty(subtle, "digest");
    if (subtle.digest !== digest) subtle.digest = digest;
  };
}

/**
 * Runs one schedule, then lets the network heal and looks at what has become of everything.
 *
 * @throws Error saying what does not hold.
 */
export async function simulate(seed: number, steps = 120): Promise<SimReport> {
  const next = random(seed);
  const clock = new VirtualClock();
  const restore = underSeed(random(seed + 1_000_000_007), clock);
  try {
    return await new Simulation(next, clock).run(steps);
  } finally {
    restore();
  }
}

class Simulation {
  readonly #next: (below: number) => number;
  readonly #clock: VirtualClock;
  readonly #network = new SimNetwork();
  readonly #clients: SimPeer[];
  /** Whether calls have deadlines that may pass. */
  readonly #mayBeLate: boolean;
  readonly #disk = new Disk();
  readonly #options: ServeOptions;
  readonly #isDurable: boolean;
  readonly #mayFail: boolean;
  readonly #window: number;
  #server: Server | undefined;
  #stopping: Promise<unknown> | undefined;
  #life: Life = { isOpen: false, fails: false, failures: 0 };
  #running: Running[] = [];
  /** In which servers' lives the handler of a request that takes its time was called, by its key. */
  readonly #runs = new Map<string, Life[]>();
  /** What each session was pushed, by its name. */
  readonly #pushes = new Map<string, string[]>();
  #made = 0;
  #pushed = 0;
  #crashes = 0;
  #failures = 0;
  #cuts = 0;
  #repeats = 0;
  #takenOver = 0;
  #replayed = 0;

  constructor(next: (below: number) => number, clock: VirtualClock) {
    this.#next = next;
    this.#clock = clock;
    this.#isDurable = next(3) > 0;
    this.#mayFail = next(4) === 0;
    const maxInFlight = [2, 8, 1024][next(3)]!;
    this.#window = maxInFlight < WINDOW && next(3) === 0 ? 8 : WINDOW;
    this.#options = {
      transport: this.#network,
      port: PORT,
      clock,
      codec: next(2) === 0 ? "ts" : "wasm",
      ...NO_DEADLINES,
      ordered: next(3) === 0,
      maxInFlight,
      maxUnackedPushes: [1, 3, 4096][next(3)]!,
      authFailures: 0,
    };
    const features = FEATURES.filter((name) =>
      name === "push" || name === "request" || next(2) === 0
    );
    this.#mayBeLate = next(4) === 0;
    const real = {
      features,
      requestTimeoutMs: this.#mayBeLate ? 5000 : 0,
      maxInFlight: [1, 4, 1024][next(3)]!,
      sessionWindow: this.#window < WINDOW || next(2) === 0 ? 4 : WINDOW,
      random: () => next(1 << 30) / (1 << 30),
    };
    this.#clients = Array.from(
      { length: 1 + next(3) },
      (_, i) =>
        next(2) === 0
          ? new SimClient(this.#network, PORT, `c${i}`)
          : new RealClient(this.#network, PORT, `c${i}`, clock, real),
    );
  }

  async run(steps: number): Promise<SimReport> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await settle();
      this.#checkSoFar();
    }
    await this.#heal();
    const report = this.#judge();
    await this.#close();
    return report;
  }

  async #step(): Promise<void> {
    const next = this.#next;
    const client = this.#clients[next(this.#clients.length)]!;
    const chance = next(100);
    if (chance < 45) return this.#arrive();
    if (chance < 63) return this.#make(client);
    if (chance < 72) return this.#finish();
    if (chance < 78) return this.#push();
    if (chance < 81) return client.acknowledge();
    if (chance < 85) return client.isUp && next(4) > 0 ? undefined : await client.connect();
    if (chance < 89) return this.#break();
    if (chance < 93) return this.#clock.advance(1 + next(next(10) === 0 ? 20_000 : 300));
    if (chance < 95) return this.#stop();
    if (chance < 96) return this.#crash();
    if (chance < 97 && this.#mayFail && this.#life.isOpen) {
      this.#life.fails = true;
      this.#failures++;
      return;
    }
    await this.#start();
  }

  /** Something arrives somewhere: a piece, often all there is. */
  #arrive(): void {
    const { news } = this.#network;
    if (news.length === 0) return;
    const bytes = this.#next(3) === 0 ? 1 + this.#next(40) : Infinity;
    news[this.#next(news.length)]!.arrive(bytes);
  }

  #make(client: SimPeer): void {
    const kind = ["sync", "sync", "sync", "later", "later", "fail", "busy"][this.#next(7)]!;
    const key = `${kind} ${client.name} ${++this.#made}`;
    client.make({ key, isRequest: this.#next(2) === 0, fate: "open" });
  }

  #finish(): void {
    const [running] = this.#running.splice(this.#next(Math.max(1, this.#running.length)), 1);
    if (running?.life.isOpen) running.done.resolve();
  }

  #push(): void {
    const [conn] = this.#server?.connections((conn) => this.#next(2) === 0 && conn.open) ?? [];
    const session = (conn as { session?: { id: string; push(text: string): string } })?.session;
    if (session === undefined) return;
    const text = `push ${++this.#pushed}`;
    if (session.push(text) === "dropped") return;
    const all = this.#pushes.get(session.id);
    if (all === undefined) this.#pushes.set(session.id, [text]);
    else all.push(text);
  }

  #break(): void {
    const { open } = this.#network;
    if (open.length === 0) return;
    this.#cuts++;
    open[this.#next(open.length)]!.break(this.#next(3) === 0 ? "this" : "both");
  }

  #stop(): void {
    if (this.#server === undefined || this.#stopping !== undefined) return;
    const server = this.#server;
    const deadlineMs = 1 + this.#next(500);
    const spreadMs = this.#next(2) * this.#next(deadlineMs);
    this.#stopping = server.shutdown({ deadlineMs, spreadMs }).then(() => {
      if (this.#server !== server) return; // it has crashed meanwhile
      this.#ended();
      this.#stopping = undefined;
    });
  }

  #crash(): void {
    if (this.#server === undefined) return;
    this.#crashes++;
    this.#network.crash(PORT);
    this.#stopping = undefined;
    this.#ended();
  }

  #count(): void {
    const { repeats, takenOver, replayed } = this.#server!.stats().sessions!;
    this.#repeats += repeats;
    this.#takenOver += takenOver;
    this.#replayed += replayed;
  }

  #ended(): void {
    this.#count();
    this.#life.isOpen = false;
    this.#server = undefined;
    this.#running = [];
  }

  async #start(): Promise<void> {
    if (this.#server !== undefined) return;
    const life: Life = this.#life = { isOpen: true, fails: false, failures: 0 };
    const handle = (packet: { text(): string }): Promise<void> | undefined => {
      const key = packet.text();
      check(life.isOpen, `${key} is handled by a process that is gone`);
      if (key.startsWith("later")) {
        const runs = this.#runs.get(key) ?? [];
        this.#runs.set(key, [...runs, life]);
        const here = runs.filter((run) => run === life).length;
        check(here <= life.failures, `${key} is handled again by the same server`);
        check(
          this.#fateOf(key) === "open",
          `${key} is handled again, and its client has the answer`,
        );
        const done = deferred();
        this.#running.push({ key, done, life });
        return done.promise;
      }
      this.#disk.effects.push(key);
      if (key.startsWith("fail")) throw new Error("as asked");
      if (key.startsWith("busy")) throw new RequestRefused("busy", { result: 4, retryAfterMs: 7 });
      return undefined;
    };
    this.#server = await serve({
      ...this.#options,
      sessions: {
        store: this.#isDurable ? this.#disk.open(life) : memoryStore(),
        retentionMs: 10_000,
        window: this.#window,
      },
    }, {
      submit: handle,
      request: (packet) => {
        const key = packet.text();
        return handle(packet)?.then(() => `did ${key}`) ?? `did ${key}`;
      },
    }) as Server;
  }

  /** From now on the network is good, servers stay, and handlers finish. */
  async #heal(): Promise<void> {
    for (let round = 0; round < 400; round++) {
      this.#life.fails = false;
      await this.#start();
      for (const client of this.#clients) {
        if (!client.isUp && (round % 20 === 0)) await client.connect();
        if (round % 5 === 0) client.acknowledge();
      }
      for (const { done, life } of this.#running.splice(0)) if (life.isOpen) done.resolve();
      for (const end of this.#network.news) end.arrive(Infinity);
      // In the end by so much that a client gives up an attempt to connect whose server is gone.
      if (round % 10 === 9) this.#clock.advance(round < 100 ? 50 : 250);
      await settle();
      const isQuiet = this.#stopping === undefined && this.#network.news.length === 0 &&
        this.#clients.every((client) => client.isUp && !client.isBusy);
      if (isQuiet && round > 60) return;
    }
  }

  /** The server ends in order, and leaves nothing behind. */
  async #close(): Promise<void> {
    const server = this.#server!;
    this.#clock.advance(NO_DEADLINES.lingerMs + 1);
    await settle();
    const sessions = [...server.connections()].map((conn) => conn.info().session);
    check(new Set(sessions).size === sessions.length, "two connections carry one session");
    const { inFlight } = server.stats();
    check(inFlight === 0, `${inFlight} requests are in flight that nobody waits for`);
    for (const client of this.#clients) client.forget();
    let result: { readonly cut: readonly unknown[] } | undefined;
    void server.shutdown({ deadlineMs: 10_000 }).then((ended) => result = ended);
    for (let round = 0; round < 20 && result === undefined; round++) {
      await settle();
      for (const end of this.#network.news) end.arrive(Infinity);
    }
    check(result !== undefined, "the server does not end");
    check(result.cut.length === 0, "a connection had to be cut");
    let closed = 0;
    for (const client of this.#clients) void client.close().then(() => closed++);
    for (let round = 0; round < 40 && closed < this.#clients.length; round++) {
      this.#clock.advance(50);
      for (const end of this.#network.news) end.arrive(Infinity);
      await settle();
    }
    check(closed === this.#clients.length, "a client does not end");
    const timers = this.#clock.pending;
    check(this.#crashes > 0 || timers === 0, `${timers} timers are left`);
  }

  #fateOf(key: string): Fate | undefined {
    for (const { requests } of this.#clients) {
      const request = requests.find((request) => request.key === key);
      if (request !== undefined) return request.fate;
    }
    return undefined;
  }

  /** What must hold at every moment. */
  #checkSoFar(): void {
    const seen = new Set<string>();
    for (const key of this.#disk.effects) {
      check(!seen.has(key), `${key} was handled twice`);
      seen.add(key);
    }
  }

  #judge(): SimReport {
    this.#checkSoFar();
    this.#count();
    const effects = this.#disk.effects;
    let unknown = 0;
    for (const client of this.#clients) {
      check(client.isUp, `${client.name} did not come back`);
      for (const { key, isRequest, fate } of client.requests) {
        check(fate !== "open", `${key} was never settled`);
        if (fate === "late") {
          check(this.#mayBeLate, `${key} is late, and had all the time there is`);
          continue;
        }
        if (fate === "unknown") {
          unknown++;
          // The simple client sends more than the server remembers.
          const forgets = this.#window < WINDOW && client instanceof SimClient;
          check(client.lost > 0 || forgets, `${key} is unknown, and no session was lost`);
          continue;
        }
        const right = expected(key, isRequest);
        const isRight = fate === right || (fate.endsWith("*") && fate[0] === right[0]);
        check(isRight, `${key} was answered ${JSON.stringify(fate)}`);
        const ran = key.startsWith("later") ? this.#runs.has(key) : effects.includes(key);
        check(ran, `${key} was answered and never handled`);
      }
      const mine = effects.filter((key) => key.split(" ")[1] === client.name)
        .map((key) => Number(key.split(" ")[2]));
      check(
        mine.every((n, i) => i === 0 || n > mine[i - 1]!),
        `${client.name}: out of order ${mine}`,
      );
      if (client.lost === 0 && this.#failures === 0 && client.session !== undefined) {
        const { id } = client.session;
        const made = this.#pushes.get(id) ?? [];
        const came = client.pushed.get(id) ?? [];
        check(made.join() === came.join(), `${client.name} was pushed ${came}, not ${made}`);
      }
    }
    return {
      requests: this.#made,
      unknown,
      lost: this.#clients.reduce((sum, { lost }) => sum + lost, 0),
      pushes: this.#pushed,
      crashes: this.#crashes,
      cuts: this.#cuts,
      repeats: this.#repeats,
      takenOver: this.#takenOver,
      replayed: this.#replayed,
      trace: this.#clients.reduce((sum, { trace }) => (sum * 31 + trace) | 0, 0),
    };
  }
}

function expected(key: string, isRequest: boolean): Fate {
  if (key.startsWith("fail")) return isRequest ? "1:failed" : "1:";
  if (key.startsWith("busy")) return `4:\0\0\0\x07${isRequest ? "busy" : ""}`;
  return isRequest ? `0:did ${key}` : "0:";
}
