/** `framewire serve`: tokens, users, TLS, access lists, rates and figures, as flags and from files. */

import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import t from "tap";
import { hashPassword } from "../../mod.ts";
import { connect } from "../helpers/runtime.ts";
import { path, read } from "../helpers/root.ts";
import { comesIn, folderOf, posix, run, start, startServer } from "./command.ts";

const TOKEN = "a-token-that-is-long-enough";
const sha256 = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

t.test("--token-file lets in who has a token, and SIGHUP reads it again", posix, async (t) => {
  const folder = folderOf(t, { tokens: `# who may\n\nbilling ${sha256(TOKEN)}\n` });
  const file = join(folder, "tokens");
  chmodSync(file, 0o600);
  const { running, to } = await startServer(t, ["--token-file", file]);
  const next = "another-token-that-is-long";
  t.equal(await comesIn(to, { token: TOKEN }), true);
  t.equal(await comesIn(to, { token: next }), false);
  const client = await connect(`tcp://${to}`, { hello: "required", token: TOKEN });
  writeFileSync(file, `reports\ttoken:${next}\n`);
  running.kill("SIGHUP");
  await running.wrote("stdout", /^files read again; changed: tokenFile$/m);
  t.equal(await comesIn(to, { token: TOKEN }), false, "the old one is gone");
  t.equal(await comesIn(to, { token: next }), true);
  writeFileSync(file, "reports sha256:short\n");
  running.kill("SIGHUP");
  await running.wrote("stderr", /^nothing is changed: line 1 of .*tokens: behind the name stands/m);
  t.equal(await comesIn(to, { token: next }), true, "what was read before holds");
  await client.submit("still here");
  await client.close();
});

t.test("--users-file lets in users with their password, beside tokens", async (t) => {
  const folder = folderOf(t, {
    users: `alice ${await hashPassword("correct horse", 1000)}\n`,
    tokens: `billing ${sha256(TOKEN)}\n`,
  });
  const files = ["--users-file", join(folder, "users"), "--token-file", join(folder, "tokens")];
  const { to } = await startServer(t, files);
  t.equal(await comesIn(to, { user: "alice", password: "correct horse" }), true);
  t.equal(await comesIn(to, { user: "alice", password: "wrong horse" }), false);
  t.equal(await comesIn(to, { token: TOKEN }), true);
});

t.test("files of secrets that others may read raise a warning", posix, async (t) => {
  const folder = folderOf(t, { tokens: `billing ${sha256(TOKEN)}\n` });
  const file = join(folder, "tokens");
  chmodSync(file, 0o644);
  const open = await startServer(t, ["--token-file", file]);
  await open.running.wrote("stderr", /^warning: .*tokens holds secrets, .* mode 644 .*chmod 600/m);
  chmodSync(file, 0o640);
  const closed = await startServer(t, ["--token-file", file]);
  closed.running.kill("SIGTERM");
  t.equal((await closed.running.ended).stderr, "");
});

t.test("--tls-cert and --tls-key speak TLS, and SIGHUP takes renewed ones", posix, async (t) => {
  const fixture = (name: string) => path(`tests/fixtures/tls/${name}`);
  const folder = folderOf(t, {
    "fw.json": JSON.stringify({
      tls: { certFile: "cert.pem", keyFile: "key.pem", clientCertificate: "request" },
    }),
  });
  const install = (name: string) => {
    copyFileSync(fixture(`${name}.pem`), join(folder, "cert.pem"));
    copyFileSync(fixture(`${name}.key`), join(folder, "key.pem"));
    chmodSync(join(folder, "key.pem"), 0o600);
  };
  install("server");
  const { running, to } = await startServer(t, [
    "--config",
    join(folder, "fw.json"),
    "--tls-client-ca",
    fixture("ca.pem"),
  ]);
  const tls = { ca: read("tests/fixtures/tls/ca.pem") };
  const url = `tls://${to.replace("127.0.0.1", "localhost")}`;
  const client = await connect(url, { tls });
  await client.submit("hello");
  const before = client.tls?.fingerprint;
  install("renewed");
  running.kill("SIGHUP");
  await running.wrote("stdout", /fw\.json read again; changed: tls$/m);
  await client.submit("the connection stays");
  const later = await connect(url, { tls });
  t.not(later.tls?.fingerprint, before);
  copyFileSync(fixture("stranger.key"), join(folder, "key.pem"));
  running.kill("SIGHUP");
  await running.wrote("stderr", /^tls stays as it is: tls\.key is not the key of tls\.cert$/m);
  await later.submit("still");
  await Promise.all([client.close(), later.close()]);
});

t.test("--tls-client-ca by itself requires a client's certificate", async (t) => {
  const fixture = (name: string) => path(`tests/fixtures/tls/${name}`);
  const { to } = await startServer(t, [
    `--tls-cert=${fixture("server.pem")}`,
    `--tls-key=${fixture("server.key")}`,
    `--tls-client-ca=${fixture("ca.pem")}`,
  ]);
  const url = `tls://${to.replace("127.0.0.1", "localhost")}`;
  const ca = read("tests/fixtures/tls/ca.pem");
  const cert = read("tests/fixtures/tls/client.pem");
  const key = read("tests/fixtures/tls/client.key");
  const client = await connect(url, { tls: { ca, cert, key } });
  await client.submit("hello");
  await client.close();
  await t.rejects((async () => {
    const stranger = await connect(url, { tls: { ca } });
    await stranger.submit("hello");
  })());
});

t.test("--rate and --on-rate hold peers to a rate", async (t) => {
  const rates = ["--rate=connection=0.001/s:3", "--rate", "ip=1MB/s"];
  const { to } = await startServer(t, [...rates, "--on-rate=busy"]);
  const client = await connect(`tcp://${to}`);
  const answers = await Promise.allSettled(["1", "2", "3", "4"].map((text) => client.submit(text)));
  t.strictSame(answers.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "fulfilled",
    "rejected",
  ]);
  await client.close();
});

t.test("--allow may come several times, and limits are as asked for", async (t) => {
  const { running, port } = await startServer(t, [
    "--allow=10.0.0.0/8",
    "--allow=127.0.0.1",
    "--idle-timeout=50ms",
    "--handshake-timeout=1h",
    "--heartbeat=0",
    "--max-connections=2",
    "--max-connections-per-ip=1",
    "-v",
  ]);
  const url = `tcp://127.0.0.1:${port}`;
  const client = await connect(url);
  await client.submit("hello");
  await running.wrote("stdout", /disconnect #1 .*IDLE_TIMEOUT/);
  await client.close();
});

t.test("--proxy-protocol believes the header of a trusted proxy", async (t) => {
  const { running, port } = await startServer(t, ["--proxy-protocol=127.0.0.0/8", "-v"]);
  const socket = createConnection(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  socket.write("PROXY TCP4 192.0.2.7 192.0.2.8 4711 8888\r\n");
  await running.wrote("stdout", /^connect #1 192\.0\.2\.7:4711$/m);
});

t.test("--stats-interval logs figures, as text and as JSON", async (t) => {
  const text = await startServer(t, ["--stats-interval", "0.1"]);
  const line =
    /^stats: 0 connections · .* · 0 in flight · .* in all 0 errors, 0 refused, 0 dropped$/m;
  await text.running.wrote("stdout", line);
  const config = join(
    folderOf(t, { "fw.json": '{ "port": 0, "statsIntervalMs": 100 }' }),
    "fw.json",
  );
  const json = start(t, ["serve", "--config", config, "--log=json"]);
  const [record] = await json.wrote("stdout", /^.*"framewire\.stats".*$/m);
  t.match(JSON.parse(record), { level: "info", connections: { open: 0 }, loopDelayMs: {} });
});

t.test("what is wrong with files and rates is said in one line, and shows no secret", async (t) => {
  const folder = folderOf(t, {
    "hash": "billing 0123456789abcdef\n",
    "words": "\n\nbilling\n",
    "short": "billing token:secret\n",
    "empty": "# nobody\n",
    "users": "alice secret-password\n",
    "twice.json": '{ "tls": { "cert": "x", "certFile": "y" } }',
    "lacking.json": '{ "tls": { "certFile": "hash" } }',
  });
  const at = (name: string) => join(folder, name);
  const cases: [args: string[], says: RegExp][] = [
    [["--token-file", at("hash")], /line 1 of .*hash: behind the name stands sha256:/],
    [["--token-file", at("words")], /line 3 of .*words must be a name and sha256:… or token:…/],
    [["--token-file", at("short")], /line 1 of .* token of at least 16 characters/],
    [["--token-file", at("empty")], /empty has no lines of a name and/],
    [["--token-file", at("none")], /none cannot be read: .*ENOENT|No such file/],
    [["--users-file", at("users")], /line 1 of .*users: .*hashPassword/],
    [["--token-file", at("hash"), "--protocol=echo"], /need the protocol submit/],
    [["--tls-cert", at("hash")], /tls has no keyFile \(--tls-key\)/],
    [["--tls-cert", at("hash"), "--tls-key", at("hash")], /tls\.cert must be a certificate as PEM/],
    [["--config", at("twice.json")], /tls must be an object .* with either cert or certFile/],
    [["--config", at("lacking.json")], /tls has no keyFile/],
    [["--rate", "1000/s"], /--rate must be a list of SCOPE=NUMBER\/s .* and is "1000\/s"/],
    [["--rate", "ip=1/m"], /--rate must be a list of/],
    [["--rate", "ip=1/s,ip=2/s"], /--rate must be a list of/],
    [["--rate", "ip=0/s"], /--rate must be an object .*requestsPerSecond is a number over 0/],
    [["--rate", "moon=1/s"], /--rate must be a list of .*connection, ip and server/],
    [["--accept-rate-per-ip", "10"], /such as 10\/s:20, and is "10"/],
    [["--write-mode", "soon"], /--write-mode must be batch, immediate, or a time and a size/],
    [["--stats-interval", "often"], /--stats-interval must be a number of seconds, or a time/],
    [["--stats-interval", "1ms"], /--stats-interval must be a whole number from 100/],
    [["--proxy-protocol", "10.0.0.0/40"], /--proxy-protocol must be an object .*CIDR/],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    const { code, stderr } = await run(t, ["serve", "--port=0", ...args]);
    const errors = stderr.trim().split("\n").filter((line) => !line.startsWith("warning: "));
    t.equal(code, 2, args.join(" "));
    t.equal(errors.length, 1, stderr);
    t.match(errors[0], says);
    t.notMatch(stderr, /secret-|0123456789abcdef|token:secret/);
  }));
});
