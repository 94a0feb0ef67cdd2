/** `framewire serve --config`: options from a file, the environment and flags, and logs as JSON. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { platform } from "node:process";
import t from "tap";
import { SERVER_DEFAULTS } from "../../src/options/server.ts";
import { configSchema, SETTING_FLAGS } from "../../src/cli/settings.ts";
import { read } from "../helpers/root.ts";
import { connect } from "../helpers/runtime.ts";
import { folderOf, run, start, startServer } from "./command.ts";

/** What the server answers to a frame that is too long for it. */
async function longest(port: number): Promise<string> {
  const client = await connect(`tcp://127.0.0.1:${port}`);
  const fits = async (bytes: number) => {
    try {
      await client.submit("x".repeat(bytes - 13));
      return true;
    } catch {
      return false;
    }
  };
  const sizes: number[] = [];
  for (const bytes of [128, 256, 512, 1024]) if (await fits(bytes)) sizes.push(bytes);
  await client.close();
  return sizes.join(" ");
}

t.test("flags win over the environment, that over the file, that over the defaults", async (t) => {
  const folder = folderOf(t, {
    "fw.json": '{ "$schema": "x", "maxFrameBytes": 128, "maxInFlight": 7 }',
  });
  const config = ["--config", join(folder, "fw.json")];
  const env = { FRAMEWIRE_MAX_FRAME: "256" };
  t.equal(await longest((await startServer(t, config)).port), "128");
  t.equal(await longest((await startServer(t, config, { env })).port), "128 256");
  const both = await startServer(t, [...config, "--max-frame", "512"], { env });
  t.equal(await longest(both.port), "128 256 512");
});

t.test("what is wrong is said in one line that names where, what and what was expected", async (t) => {
  const folder = folderOf(t, {
    "number.json": '{ "idleTimeoutMs": "soon" }',
    "unknown.json": '{ "idleTimeout": 5 }',
    "broken.json": '{ "port": 1, }',
    "list.json": "[]",
    "protocol.json": '{ "protocol": "http" }',
  });
  const cases: [args: string[], message: RegExp][] = [
    [
      ["number.json"],
      /number\.json: idleTimeoutMs must be a whole number from 0 to 2147483647 and is "soon"/,
    ],
    [
      ["unknown.json"],
      /unknown\.json: there is no option idleTimeout; did you mean idleTimeoutMs\?/,
    ],
    [["broken.json"], /broken\.json is not JSON: /],
    [["list.json"], /list\.json must hold an object of options and holds an array/],
    [["protocol.json"], /protocol\.json: protocol must be "submit" or "echo" and is "http"/],
    [["none.json"], /none\.json cannot be read: /],
  ];
  for (const [[file], message] of cases) {
    const { code, stderr } = await run(t, ["serve", "--port=0", "--config", join(folder, file!)]);
    t.equal(code, 2, file!);
    t.match(stderr, message);
    t.equal(stderr.trim().split("\n").length, 1);
  }
  const flag = await run(t, ["serve", "--port=0", "--idle-timeout", "soon"]);
  t.match(flag.stderr, /--idle-timeout must be a time such as 500ms, 30s, 5m, .* and is "soon"/);
  const env = { FRAMEWIRE_DENY: "10.0.0.0/40" };
  const variable = await run(t, ["serve", "--port=0"], { env });
  t.match(variable.stderr, /FRAMEWIRE_DENY must be a list of IP addresses and CIDR blocks/);
  t.strictSame([flag.code, variable.code], [2, 2]);
});

t.test("--allow and --deny take lists, and a denied peer is logged as JSON", async (t) => {
  const running = start(t, ["serve", "--port=0", "--deny", "10.0.0.0/8, 127.0.0.1", "--log=json"]);
  const [, port] = await running.wrote("stdout", /"port":(\d+)/);
  const refused = connect(`tcp://127.0.0.1:${port}`).then((client) => client.submit("x"));
  await t.rejects(refused);
  await running.wrote("stdout", /"gate":"deny"/);
  running.kill("SIGTERM");
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  const records = stdout.trim().split("\n").map((line) => JSON.parse(line));
  t.match(records[0], { level: "info", category: "framewire.server", message: /^listening on/ });
  t.match(records[1], {
    level: "warn",
    category: "framewire.security",
    event: "refused",
    remote: "127.0.0.1",
  });
  t.match(records.at(-2), { category: "framewire.server", message: "closed" });
  t.match(records.at(-1), { category: "framewire.server", completed: 0, moved: 0, cut: 0 });
  t.notOk(Number.isNaN(Date.parse(records[0].time)));
});

t.test(
  "SIGHUP reads the file again, and connections stay",
  { skip: platform === "win32" },
  async (t) => {
    const folder = folderOf(t, { "fw.json": '{ "idleTimeoutMs": 50000, "backlog": 1024 }' });
    const file = join(folder, "fw.json");
    const { running, to } = await startServer(t, ["--config", file]);
    const client = await connect(`tcp://${to}`);
    await client.submit("before");
    writeFileSync(file, '{ "maxConnections": 1, "backlog": 2048 }');
    running.kill("SIGHUP");
    await running.wrote("stdout", /fw\.json read again; changed: .*idleTimeoutMs/);
    await running.wrote("stderr", /a new start is needed to change backlog/);
    await client.submit("after");
    writeFileSync(file, '{ "idleTimeoutMs": -1 }');
    running.kill("SIGHUP");
    await running.wrote("stderr", /nothing is changed: .*idleTimeoutMs must be a whole number/);
    await client.submit("still");
    await client.close();
  },
);

interface Published {
  readonly properties: Record<string, { default?: unknown; description?: string }>;
}

/** Descriptions are taken from docstrings by `tools/config_schema.ts`, which CI asks with `--check`. */
function withoutDescriptions({ properties }: Published): unknown {
  const bare = Object.entries(properties).map((
    [name, { description: _, ...rest }],
  ) => [name, rest]);
  return JSON.parse(JSON.stringify(Object.fromEntries(bare)));
}

t.test("every option that a file can hold is in the schema, and the published one is fresh", (t) => {
  const schema = configSchema() as unknown as Published;
  const published = JSON.parse(read("schema/framewire.schema.json")) as Published;
  for (const [name, property] of Object.entries(published.properties)) {
    if (name !== "$schema" && name !== "protocol") {
      t.match(property.description, /^\w.{15,}\./, `${name} is described`);
    }
  }
  t.strictSame(withoutDescriptions(published), withoutDescriptions(schema));
  for (const [name, value] of Object.entries(SERVER_DEFAULTS)) {
    t.strictSame(schema.properties[name]?.default, value, name);
  }
  t.notOk("transport" in schema.properties || "authenticate" in schema.properties);
  const flags = Object.keys(SETTING_FLAGS);
  for (
    const flag of ["idle-timeout", "allow", "max-in-flight", "max-in-flight-bytes", "heartbeat"]
  ) {
    t.ok(flags.includes(flag), flag);
  }
  t.end();
});
