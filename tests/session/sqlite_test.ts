/** Sessions in SQLite: what was acknowledged is there after a kill -9, once, with its handler's effect. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import t from "tap";
import { sqliteStore } from "../../src/entry/sqlite.ts";
import { isFramewireError } from "../../src/errors.ts";
import { random } from "../helpers/frames.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";

t.setTimeout(120_000);

const builtin = process as { getBuiltinModule?(name: string): unknown };
const hasSqlite = builtin.getBuiltinModule?.("node:sqlite") !== undefined;
const SESSION = {
  id: "0123456789abcdef0123456789abcdef",
  secretHash: new Uint8Array(32).fill(7),
  owner: "ann",
  usedAt: 1000,
  answers: [],
  pushes: [],
  lastPush: 0,
};

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "framewire-test-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

t.test("a runtime without SQLite says so, and what to do", { skip: hasSqlite }, (t) => {
  try {
    sqliteStore(":memory:").close();
    t.fail("it was opened");
  } catch (error) {
    t.ok(isFramewireError(error, "UNSUPPORTED"));
    t.match((error as Error).message, "memoryStore()");
  }
  t.end();
});

t.test("what is kept is loaded again, as far as it is still needed", { skip: !hasSqlite }, (t) => {
  const file = join(folder(), "a.db");
  const store = sqliteStore(file);
  store.create(SESSION);
  const { id } = SESSION;
  const payload = Uint8Array.of(1, 2, 3);
  store.commit([{
    id,
    usedAt: 2000,
    answers: [{ seq: 1, result: 0, payload: undefined }, { seq: 2, result: 4, payload }],
    pushes: [{ seq: 1, payload }, { seq: 2, payload }],
    pushesDone: 0,
    answersDone: 0,
  }]);
  const rest = { id, usedAt: 3000, answers: [], pushes: [], pushesDone: 1, answersDone: 1 };
  store.commit([rest]);
  store.close();
  const again = sqliteStore(file);
  t.strictSame(again.load(id), {
    ...SESSION,
    usedAt: 3000,
    answers: [{ seq: 2, result: 4, payload }],
    pushes: [{ seq: 2, payload }],
    lastPush: 2,
  });
  t.equal(again.load("unknown"), undefined);
  t.equal(again.expire(3000), 0);
  t.equal(again.expire(3001), 1);
  t.equal(again.load(id), undefined);
  again.create(SESSION);
  again.remove(id);
  t.equal(again.load(id), undefined);
  again.close();
  t.end();
});

t.test(
  "the database is written ahead, and flushed as it was asked for",
  { skip: !hasSqlite },
  (t) => {
    for (const [survives, synchronous] of [["process", 1], ["machine", 2]] as const) {
      const store = sqliteStore(join(folder(), "c.db"), { survives });
      const { prepare } = store.database as {
        prepare(sql: string): { get(): Readonly<Record<string, unknown>> };
      };
      const pragma = (name: string) =>
        Object.values(prepare.call(store.database, `PRAGMA ${name}`).get())[0];
      t.equal(pragma("journal_mode"), "wal");
      t.equal(pragma("synchronous"), synchronous);
      t.equal(pragma("busy_timeout"), 5000, "another process may have it open for a moment");
      store.close();
    }
    t.end();
  },
);

t.test("a transaction that fails leaves nothing", { skip: !hasSqlite }, (t) => {
  const store = sqliteStore(":memory:");
  store.create(SESSION);
  const { id } = SESSION;
  const changes = { id, usedAt: 2000, pushes: [], pushesDone: 0, answersDone: 0 };
  const answers = [{ seq: 1, result: 0, payload: undefined }];
  t.throws(() =>
    store.transaction!(() => {
      store.commit([{ ...changes, answers }]);
      throw new Error("no");
    }), { message: "no" });
  t.strictSame(store.load(id), SESSION);
  t.throws(() => store.commit([{ ...changes, answers: [...answers, ...answers] }]));
  t.strictSame(store.load(id), SESSION);
  store.commit([{ ...changes, answers }]);
  t.equal(store.load(id)!.answers.length, 1);
  store.close();
  t.end();
});

/** Runs the child until it has printed so many lines, then kills it. */
async function runAndKill(args: readonly string[], lines: number): Promise<string[]> {
  const script = path("tests/session/sqlite_child.ts");
  const [command, ...first] = runtime === "bun"
    ? [process.execPath]
    : [...denoCommand(), "run", "-A", "--no-check"];
  const child = spawn(command!, [...first, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    seen.push(line);
    // What it has printed by the time it is dead counts too: the loop reads on to the end.
    if (seen.length === lines) child.kill("SIGKILL");
  }
  await gone;
  return seen;
}

t.test(
  "kill -9: what was acknowledged is kept, with its effect, once",
  { skip: !hasSqlite },
  async (t) => {
    const file = join(folder(), "b.db");
    const next = random(11);
    let args = [file];
    const acked: number[] = [];
    const pushed = new Set<number>();
    for (let round = 0; round < 6; round++) {
      const lines = await runAndKill(args, 50 + next(300));
      const [kind, id, secret] = lines[0]!.split(" ");
      if (round === 0) {
        args = [file, id!, secret!];
      } else {
        t.equal(kind, "resumed");
        t.ok(Number(id) >= acked.at(-1)!, "the server knows of everything it has acknowledged");
        const again = lines.filter((line) => line.startsWith("again ")).map((l) =>
          Number(l.slice(6))
        );
        t.strictSame(again, Array.from({ length: Number(secret) }, (_, i) => i + 1));
        t.ok(again.length >= pushed.size, "no push that was sent is lost");
      }
      t.notOk(lines.some((line) => line.startsWith("failed")));
      for (const line of lines) {
        if (line.startsWith("ack ")) acked.push(Number(line.slice(4)));
        if (line.startsWith("push ")) {
          const seq = Number(line.slice(5));
          t.notOk(pushed.has(seq), "no number is given to two pushes");
          pushed.add(seq);
        }
      }
    }
    t.equal(new Set(acked).size, acked.length, "nothing is acknowledged twice");
    const store = sqliteStore(file);
    const database = store.database as {
      prepare(sql: string): { all(): { seq: number }[] };
    };
    const effects = database.prepare("SELECT seq FROM effect ORDER BY seq").all().map((row) =>
      row.seq
    );
    t.strictSame(effects, Array.from({ length: effects.length }, (_, i) => i + 1), "each ran once");
    t.ok(effects.length >= acked.length);
    store.close();
  },
);
