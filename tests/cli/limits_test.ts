/** `framewire serve`: limits of connections as flags, and users and limits read again. */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { hashPassword } from "../../mod.ts";
import { connect } from "../helpers/runtime.ts";
import { comesIn, folderOf, posix, start, startServer } from "./command.ts";

t.test(
  "SIGHUP reads --users-file again; who is in stays, with what is wrong nothing changes",
  posix,
  async (t) => {
    const folder = folderOf(t, { users: `alice ${await hashPassword("correct horse", 1000)}\n` });
    const file = join(folder, "users");
    chmodSync(file, 0o600);
    const { running, to } = await startServer(t, ["--users-file", file]);
    const alice = { user: "alice", password: "correct horse" };
    const bob = { user: "bob", password: "battery staple" };
    t.strictSame([await comesIn(to, alice), await comesIn(to, bob)], [true, false]);
    const client = await connect(`tcp://${to}`, { hello: "required", ...alice });
    writeFileSync(file, `bob ${await hashPassword("battery staple", 1000)}\n`);
    running.kill("SIGHUP");
    await running.wrote("stdout", /^files read again; changed: usersFile$/m);
    t.strictSame([await comesIn(to, alice), await comesIn(to, bob)], [false, true]);
    await client.submit("still alice");
    writeFileSync(file, "bob not-a-hash\n");
    running.kill("SIGHUP");
    await running.wrote("stderr", /^nothing is changed: line 1 of .*users/m);
    t.equal(await comesIn(to, bob), true);
    await client.close();
  },
);

/** Whether a client is served, and not turned away. */
async function isServed(url: string): Promise<boolean> {
  const client = await connect(url);
  try {
    await client.submit("hello", { timeoutMs: 20_000 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

t.test("--max-connections: over it peers are refused, logged, and let in when one has left", async (t) => {
  const limits = ["--max-connections=2", "--on-max-connections=refuse", "--log=json"];
  const running = start(t, ["serve", "--port=0", ...limits]);
  const [, port] = await running.wrote("stdout", /"port":(\d+)/);
  const url = `tcp://127.0.0.1:${port}`;
  const inside = [await connect(url), await connect(url)];
  for (const client of inside) await client.submit("inside");
  t.equal(await isServed(url), false);
  const [line] = await running.wrote("stdout", /^.*"gate":"maxConnections".*$/m);
  t.match(JSON.parse(line), { level: "warn", category: "framewire.security", event: "limit" });
  for (const client of inside) await client.submit("still inside");
  await inside[0]!.close();
  // The server learns of the end a moment later.
  let served = false;
  while (!served) served = await isServed(url);
  await inside[1]!.close();
});

t.test("--max-connections-per-ip and --accept-rate-per-ip turn away who is over them", async (t) => {
  const one = await startServer(t, ["--max-connections-per-ip=1", "-v"]);
  const client = await connect(`tcp://${one.to}`);
  await client.submit("the one");
  t.equal(await isServed(`tcp://${one.to}`), false);
  await client.submit("still");
  await client.close();
  const slow = await startServer(t, ["--accept-rate-per-ip=0.001/s:2"]);
  const url = `tcp://${slow.to}`;
  t.strictSame([await isServed(url), await isServed(url), await isServed(url)], [
    true,
    true,
    false,
  ]);
});

t.test(
  "SIGHUP: limits of the config file take effect, on connections that are open too",
  posix,
  async (t) => {
    const folder = folderOf(t, {
      "fw.json": '{ "maxConnections": 1, "onMaxConnections": "refuse", "onRate": "busy" }',
    });
    const file = join(folder, "fw.json");
    const { running, to } = await startServer(t, ["--config", file]);
    const url = `tcp://${to}`;
    const client = await connect(url);
    await client.submit("the one");
    t.equal(await isServed(url), false);
    writeFileSync(
      file,
      JSON.stringify({
        maxConnections: 5,
        onMaxConnections: "refuse",
        onRate: "busy",
        rate: { connection: { requestsPerSecond: 0.001, requestBurst: 2 } },
        // Together only: the low mark would be over the high one for a moment.
        writeHighWaterBytes: 4096,
        writeLowWaterBytes: 2048,
      }),
    );
    running.kill("SIGHUP");
    await running.wrote("stdout", /read again; changed: .*rate/);
    t.equal(await isServed(url), true);
    await client.submit("one");
    await client.submit("two");
    await t.rejects(client.submit("three"), { code: "RESULT_FAILED" });
    writeFileSync(file, '{ "onMaxConnections": "refuse", "onRate": "busy" }');
    running.kill("SIGHUP");
    await running.wrote("stdout", /(read again; changed: .*rate[^]*){2}/); // the second time
    await client.submit("without a rate");
    await client.close();
  },
);
