/** `framewire serve`: how a signal ends it, as flags and from the file, and what its log says of that. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { connect } from "../helpers/runtime.ts";
import { folderOf, posix, run, start, startServer } from "./command.ts";

const HANDLERS = {
  "h.mjs": `export default (packet) => {
    console.log("called " + packet.text());
    return packet.text() === "hang" ? new Promise(() => {}) : undefined;
  };`,
};
/** Far longer than the test: whoever gets to it has not been asked in time. */
const NEVER = "1h";

t.test("--shutdown-deadline bounds what a signal waits for, and what is cut is told", async (t) => {
  const cwd = folderOf(t, HANDLERS);
  const { running, to } = await startServer(t, ["h.mjs", "--shutdown-deadline=0"], { cwd });
  const client = await connect(`tcp://${to}`);
  const failed = t.rejects(client.submit("hang"));
  await running.wrote("stdout", /called hang/);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  t.equal(code, 0);
  t.match(stderr, /^cut 1 connection with 1 request unanswered$/m);
  await failed;
});

t.test(
  "SIGHUP changes how the next signal ends it, and JSON tells what became of whom",
  posix,
  async (t) => {
    const long = JSON.stringify({ port: 0, shutdownDeadlineMs: 3_600_000 });
    const cwd = folderOf(t, { ...HANDLERS, "fw.json": long });
    const config = join(cwd, "fw.json");
    const running = start(t, ["serve", "h.mjs", "--config", config, "--log=json"], { cwd });
    const [, port] = await running.wrote("stdout", /"port":(\d+)/);
    const [idle, hung] = [
      await connect(`tcp://127.0.0.1:${port}`),
      await connect(`tcp://127.0.0.1:${port}`),
    ];
    await idle.submit("answered");
    const failed = t.rejects(hung.submit("hang"));
    await running.wrote("stdout", /called hang/);
    writeFileSync(config, '{ "port": 0, "shutdownDeadlineMs": 0 }');
    running.kill("SIGHUP");
    await running.wrote("stdout", /read again; changed: shutdownDeadlineMs/);
    running.kill("SIGTERM");
    const { code, stdout, stderr } = await running.ended;
    t.equal(code, 0);
    t.equal(stderr, "", "all of it is in the records");
    const records = stdout.trim().split("\n").filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    const ended = records.filter(({ message }) => /unanswered$|completed/.test(message));
    t.match(ended, [
      { level: "warn", category: "framewire.server", owed: 1 },
      { level: "info", category: "framewire.server", owed: 1 },
    ]);
    const [{ completed, moved, cut }] = ended;
    t.equal(completed + moved + cut, 2, "of each connection");
    t.ok(cut >= 1);
    await failed;
  },
);

t.test("--shutdown-spread ends connections one after the other", async (t) => {
  const { running, to } = await startServer(t, [
    `--shutdown-deadline=${NEVER}`,
    `--shutdown-spread=${NEVER}`,
    "-v",
  ]);
  const clients = [await connect(`tcp://${to}`), await connect(`tcp://${to}`)];
  for (const client of clients) await client.submit("inside");
  running.kill("SIGTERM");
  await running.wrote("stdout", /SIGTERM: shutting down/);
  await clients[0]!.closed;
  await clients[1]!.submit("its turn comes in half an hour");
  await clients[1]!.close();
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  t.match(stdout, /^1 connection completed, 1 moved$/m);
});

t.test("a spread beyond the deadline is refused", async (t) => {
  const { code, stderr } = await run(t, ["serve", "--port=0", "--shutdown-spread=11s"]);
  t.equal(code, 2);
  t.match(
    stderr,
    /shutdownSpreadMs must be at most shutdownDeadlineMs, which is 10000, and is 11000/,
  );
});

t.test("-v tells security events: who was stopped, by what, and no more than ten a second", async (t) => {
  const { running, to } = await startServer(t, ["--deny=127.0.0.1", "-v"]);
  const says = /^security from 127\.0\.0\.1:\d+: refused by deny: /gm;
  for (let i = 0; i < 30; i++) {
    await connect(`tcp://${to}`).then((client) => client.submit("x")).catch(() => {});
  }
  running.kill("SIGTERM");
  const { stderr } = await running.ended;
  const told = stderr.match(says)?.length ?? 0;
  const more = [...stderr.matchAll(/deny: and (\d+) more/g)];
  const summed = more.reduce((sum, [, count]) => sum + Number(count), 0);
  t.ok(told >= 10 && told + summed <= 30, `${told} told, ${summed} counted`);
});
