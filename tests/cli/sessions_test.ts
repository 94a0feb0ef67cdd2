/** `framewire serve --sessions`: sessions in memory, and in a file that outlives the server. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process, { platform } from "node:process";
import t from "tap";
import { connectAndStay } from "../helpers/runtime.ts";
import { folderOf, run, type Served, startServer } from "./command.ts";

t.setTimeout(200_000);

const builtin = process as { getBuiltinModule?(name: string): unknown };
const hasSqlite = builtin.getBuiltinModule?.("node:sqlite") !== undefined;
const PATIENT = { connectTimeoutMs: 120_000, requestTimeoutMs: 120_000, sessionMaxAgeMs: 120_000 };

/** A client in a session, in which it has submitted once. */
async function sessionAt(test: { teardown(end: () => Promise<void>): void }, { to }: Served) {
  const client = await connectAndStay(`tcp://${to}`, {
    session: true,
    backoffMaxMs: 100,
    ...PATIENT,
  });
  test.teardown(() => client.close({ deadlineMs: 0 }));
  await client.submit("hello");
  return client;
}

t.test("--sessions memory gives sessions, as long as the server runs", async (t) => {
  const served = await startServer(t, ["--sessions", "memory", "--session-window", "2048"]);
  const client = await sessionAt(t, served);
  t.equal(client.session.lost, 0);
  t.equal(client.session.id.length > 0, true);
  served.running.kill("SIGKILL");
  await served.running.ended;
  const again = await startServer(t, ["--sessions", "memory", "--port", `${served.port}`]);
  await client.submit("again");
  t.equal(client.session.lost, 1);
  await client.close();
  again.running.kill("SIGTERM");
  t.equal((await again.running.ended).code, 0);
});

t.test("--sessions FILE: they outlive a kill -9 of the server", { skip: !hasSqlite }, async (t) => {
  const args = ["--sessions", join(folderOf(t, {}), "sessions.db")];
  const served = await startServer(t, args);
  const client = await sessionAt(t, served);
  const { id } = client.session;
  served.running.kill("SIGKILL");
  await served.running.ended;
  const again = await startServer(t, [...args, "--port", `${served.port}`]);
  await client.submit("again");
  t.match(client.session, { id, lost: 0, resumed: true });
  await client.close();
  again.running.kill("SIGTERM");
  t.match(await again.running.ended, { code: 0, stderr: "" });
});

t.test("where there is no SQLite it says so, in one line", { skip: hasSqlite }, async (t) => {
  const file = join(folderOf(t, {}), "sessions.db");
  const { code, stderr } = await run(t, ["serve", "--port=0", "--sessions", file]);
  t.equal(code, 1);
  t.match(stderr, /^framewire serve: error: [^\n]*node:sqlite[^\n]*\n$/);
});

t.test("the config file has them too, beside it, and a flag wins", async (t) => {
  const folder = folderOf(t, {
    "fw.json": '{ "sessions": { "storeFile": "kept.db", "maxSessions": 1 } }',
    "small.json": '{ "sessions": { "window": 8 } }',
  });
  const config = ["--config", join(folder, "fw.json")];
  if (hasSqlite) {
    const kept = await startServer(t, config);
    await sessionAt(t, kept);
    t.ok(existsSync(join(folder, "kept.db")));
    kept.running.kill("SIGTERM");
    t.equal((await kept.running.ended).code, 0);
  }
  const memory = await startServer(t, [...config, "--sessions", "memory"]);
  await sessionAt(t, memory);
  // What the file says besides still holds: there is room for one.
  const second = connectAndStay(`tcp://${memory.to}`, { session: true, ...PATIENT });
  t.match(await second.catch((error) => error), { result: 4 });
  const small = await run(t, ["serve", "--port=0", "--config", join(folder, "small.json")]);
  t.equal(small.code, 2);
  t.match(small.stderr, /sessions\.window must be at least maxInFlight/);
});

t.test("what is wrong is said in one line", async (t) => {
  const folder = folderOf(t, {
    "text.db": "this is a text, and much longer than the header of a database would be".repeat(20),
    "wrong.json": '{ "sessions": { "storeFile": 5 } }',
    "more.json": '{ "sessions": { "store": {} } }',
  });
  const cases: readonly (readonly [args: string[], code: number, says: RegExp])[] = [
    [["--session-window", "0"], 2, /--session-window must be a whole number from 1 to 1048576/],
    [["--session-retention", "soon"], 2, /--session-retention must be a time such as/],
    [["--sessions="], 2, /--sessions must be memory or the path of a file/],
    [["--config", join(folder, "wrong.json")], 2, /storeFile is the path of a file/],
    [
      ["--config", join(folder, "more.json")],
      2,
      /more\.json: sessions must be an object .* storeFile/,
    ],
    [["--protocol=echo", "--sessions", "memory"], 1, /the protocol echo has no sessions/],
  ];
  for (const [args, code, says] of cases) {
    const ended = await run(t, ["serve", "--port=0", ...args]);
    t.equal(ended.code, code, args.join(" "));
    t.match(ended.stderr, says);
    t.equal(ended.stderr.trim().split("\n").length, 1);
  }
  if (!hasSqlite) return;
  const other = await run(t, ["serve", "--port=0", "--sessions", join(folder, "text.db")]);
  t.equal(other.code, 1);
  t.match(other.stderr, /text\.db cannot be opened as a database of sessions: [^\n]+\n$/);
});

t.test("SIGHUP does not change where they are kept, and says so", {
  skip: platform === "win32",
}, async (t) => {
  const folder = folderOf(t, { "fw.json": '{ "sessions": {}, "idleTimeoutMs": 50000 }' });
  const file = join(folder, "fw.json");
  const served = await startServer(t, ["--config", file]);
  const client = await sessionAt(t, served);
  writeFileSync(file, '{ "sessions": { "storeFile": "new.db" }, "idleTimeoutMs": 40000 }');
  served.running.kill("SIGHUP");
  await served.running.wrote("stdout", /read again; changed: idleTimeoutMs/);
  await served.running.wrote("stderr", /a new start is needed to change sessions\.storeFile/);
  t.notOk(existsSync(join(folder, "new.db")));
  await client.submit("still");
  t.equal(client.session.lost, 0);
});
