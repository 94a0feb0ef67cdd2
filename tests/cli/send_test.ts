/** `framewire send`: what it sends, what it prints, and how it ends. */

import { readFileSync } from "node:fs";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { createConnection } from "node:net";
import process from "node:process";
import t from "tap";
import { serve } from "../../mod.ts";
import { socketServer } from "../helpers/socket_server.ts";
import { path, read } from "../helpers/root.ts";
import { folderOf, run, shellLine, start } from "./command.ts";

type Test = Parameters<typeof start>[0];

/** A server in this process that keeps what it is sent. */
async function keeper(
  t: Test,
  handle: (text: string) => unknown = () => {},
): Promise<{ to: string; texts: string[]; stop: () => Promise<unknown> }> {
  const texts: string[] = [];
  const server = await serve({ port: 0, lingerMs: 0 }, {
    submit(packet) {
      const text = packet.text();
      texts.push(text);
      return handle(text);
    },
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  return { to: `127.0.0.1:${server.addr.port}`, texts, stop: () => server.shutdown() };
}

const SUMMARY =
  /^(\d[\d,]*) sent, (\d[\d,]*) ok, (\d[\d,]*) failed(?:, ([\d,]+) unanswered)? in ([\d.]+) s(?:; min ([\d.]+) ms, median ([\d.]+) ms, p99 ([\d.]+) ms)?$/m;

/** The counts of a summary. */
function counts(stdout: string): { sent: number; ok: number; failed: number; unanswered: number } {
  const [sent = 0, ok = 0, failed = 0, unanswered = 0] = (SUMMARY.exec(stdout) ?? []).slice(1, 5)
    .map((text) => Number((text ?? "0").replaceAll(",", "")));
  return { sent, ok, failed, unanswered };
}

t.test("the arguments are sent in their order, and each answer is printed with its time", async (t) => {
  const { to, texts } = await keeper(t);
  const { code, stdout, stderr } = await run(t, ["send", "one", "zwei €", "", "--to", to]);
  t.equal(code, 0);
  t.strictSame(texts, ["one", "zwei €", ""]);
  t.match(stdout, /^1 ok [\d.]+ ms\n2 ok [\d.]+ ms\n3 ok [\d.]+ ms\n3 sent, /);
  t.strictSame(counts(stdout), { sent: 3, ok: 3, failed: 0, unanswered: 0 });
  const [min, median, p99] = (SUMMARY.exec(stdout) ?? []).slice(6).map(Number);
  t.ok(min! > 0 && min! <= median! && median! <= p99!, "the times are in order");
  t.equal(stderr, "");
});

t.test("--to takes tcp:// too, -- ends the options, --quiet leaves the summary", async (t) => {
  const { to, texts } = await keeper(t);
  const { code, stdout } = await run(t, ["send", "-q", `--to=tcp://${to}/`, "--", "-n", "--help"]);
  t.equal(code, 0);
  t.strictSame(texts, ["-n", "--help"]);
  t.match(stdout, /^2 sent, [^\n]*\n$/);
});

t.test("without arguments each line of standard input is a payload, byte for byte", async (t) => {
  const { to, texts } = await keeper(t);
  const input = "one\r\n\n  two \nthree";
  const { code, stdout } = await run(t, ["send", "--to", to], { input });
  t.equal(code, 0);
  t.strictSame(texts, ["one", "", "  two ", "three"]);
  t.strictSame(counts(stdout), { sent: 4, ok: 4, failed: 0, unanswered: 0 });
});

t.test("an empty standard input is nothing to send", async (t) => {
  const { to } = await keeper(t);
  const { code, stdout } = await run(t, ["send", "--to", to]);
  t.equal(code, 0);
  t.match(stdout, /^0 sent, 0 ok, 0 failed in [\d.]+ s\n$/);
});

t.test("a line is sent when it comes, not when the input ends", async (t) => {
  const { to } = await keeper(t);
  const running = start(t, ["send", "--to", to]);
  const stdin = running.child.stdin!;
  stdin.write("first\nsec");
  await running.wrote("stdout", /^1 ok/m);
  stdin.write("ond\n");
  await running.wrote("stdout", /^2 ok/m);
  stdin.end();
  t.equal((await running.ended).code, 0);
});

t.test("--count repeats each payload", async (t) => {
  const { to, texts } = await keeper(t);
  const { code } = await run(t, ["send", "a", "b", "--count", "3", "--to", to]);
  t.equal(code, 0);
  t.strictSame(texts, ["a", "a", "a", "b", "b", "b"]);
});

t.test("--rate holds back", async (t) => {
  const times: number[] = [];
  const { to } = await keeper(t, () => times.push(performance.now()));
  const { code } = await run(t, ["send", "x", "--count", "21", "--rate", "40", "--to", to]);
  t.equal(code, 0);
  const seconds = (times.at(-1)! - times[0]!) / 1000;
  // Twenty pauses of 25 ms; a busy machine may make it longer, never shorter by much.
  t.ok(seconds > 0.4, `${seconds} s for 20 pauses`);
  t.equal(times.length, 21);
});

t.test("--protocol echo compares what comes back", async (t) => {
  const server = await serve({ port: 0, protocol: "echo" });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const to = `127.0.0.1:${server.addr.port}`;
  const { code, stdout } = await run(t, ["send", "hello", "", "--protocol", "echo", "--to", to]);
  t.equal(code, 0);
  t.match(stdout, /^1 ok .*\n2 ok .*\n2 sent, 2 ok/);

  const liar = await socketServer(t, (socket) => {
    socket.once("data", () => socket.write(Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 1, 0x79)));
  });
  const lied = await run(t, ["send", "x", "--protocol", "echo", "--to", liar]);
  t.equal(lied.code, 1);
  t.match(lied.stdout, /^1 failed .* the echo differs from what was sent$/m);
});

t.test("what the server refuses is printed, counted, and makes it fail", async (t) => {
  const { to } = await keeper(t, (text) => {
    if (text === "bad") throw new Error("bad");
  });
  const { code, stdout, stderr } = await run(t, ["send", "good", "bad", "good", "--to", to]);
  t.equal(code, 1);
  t.match(stdout, /^1 ok .*\n2 failed [\d.]+ ms RESULT_FAILED: .*00000002.*\n3 ok /);
  t.strictSame(counts(stdout), { sent: 3, ok: 2, failed: 1, unanswered: 0 });
  t.equal(stderr, "");
});

t.test("a payload over the limit fails by itself, a line over it ends the reading", async (t) => {
  const { to } = await keeper(t);
  const long = "x".repeat(1012);
  const args = await run(t, ["send", long, "short", "--max-frame", "1k", "--to", to]);
  t.equal(args.code, 1);
  t.match(args.stdout, /^1 failed .* FRAME_TOO_LARGE: .*\n2 ok /);

  const input = `short\n${"x".repeat(1011)}\n${long}\nnever\n`;
  const lines = await run(t, ["send", "--max-frame", "1k", "--to", to], { input });
  t.equal(lines.code, 1);
  t.strictSame(counts(lines.stdout), { sent: 2, ok: 2, failed: 0, unanswered: 0 });
  t.match(
    lines.stderr,
    /^framewire send: error: line 3 of standard input is longer than 1011 bytes; raise --max-frame\n$/,
  );
});

t.test("a big standard input streams through, in order and in bounded memory", async (t) => {
  const LINES = 60_000;
  const pad = "x".repeat(990);
  let next = 0;
  let wrong = 0;
  const server = await serve({ port: 0 }, {
    submit(packet) {
      const number = Number(String.fromCharCode(...packet.payload.subarray(0, 8)));
      if (number !== next++ || packet.payloadBytes !== 8 + pad.length) wrong++;
    },
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const running = start(t, ["send", "-q", "--to", `127.0.0.1:${server.addr.port}`]);
  const stdin = running.child.stdin!;
  let most = 0;
  for (let from = 0; from < LINES; from += 1000) {
    let block = "";
    for (let i = from; i < from + 1000; i++) block += `${String(i).padStart(8, "0")}${pad}\n`;
    if (!stdin.write(block)) await new Promise((resolve) => stdin.once("drain", resolve));
    most = Math.max(most, residentBytes(running.child.pid!));
  }
  stdin.end();
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  t.strictSame(counts(stdout), { sent: LINES, ok: LINES, failed: 0, unanswered: 0 });
  t.equal(next, LINES);
  t.equal(wrong, 0, "every line came whole and in its place");
  // A runtime alone takes 50 to 90 MB; the input is 60 MB, and as strings twice that.
  t.ok(most < 160e6, `${Math.round(most / 1e6)} MB at most`);
});

t.test("what is under way at once is bounded", async (t) => {
  const REQUESTS = 3000;
  let requests = 0;
  let answered = 0;
  let most = 0;
  const to = await socketServer(t, (socket) => {
    let rest = Buffer.alloc(0);
    const ids: Buffer[] = [];
    socket.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (; rest.length >= 15; rest = rest.subarray(15)) {
        ids.push(Buffer.from(rest.subarray(5, 13)));
        requests++;
      }
      most = Math.max(most, requests - answered);
      // One is answered when as many wait as may: whatever is sent beyond that is seen here.
      while (ids.length > 0 && (requests - answered >= 1024 || requests === REQUESTS)) {
        socket.write(Buffer.concat([Buffer.of(0, 0, 0, 14, 0x82), ids.shift()!, Buffer.of(0)]));
        answered++;
      }
    });
  });
  const input = "ab\n".repeat(REQUESTS);
  const { code, stdout } = await run(t, ["send", "-q", "--to", to], { input });
  t.equal(code, 0);
  t.equal(most, 1024);
  t.strictSame(counts(stdout), { sent: REQUESTS, ok: REQUESTS, failed: 0, unanswered: 0 });
});

t.test("a connection that breaks is said so, and what waited has failed", async (t) => {
  const to = await socketServer(t, (socket) => socket.once("data", () => socket.destroy()));
  const { code, stdout, stderr } = await run(t, ["send", "a", "b", "--to", to]);
  t.equal(code, 1);
  t.match(stdout, /^1 failed [\d.]+ ms CONNECTION_(CLOSED|RESET): /m);
  t.strictSame(counts(stdout), { sent: 2, ok: 0, failed: 2, unanswered: 0 });
  t.match(stderr, /^framewire send: error: [^\n]+\n$/);
});

t.test("a server that shuts down ends a send that waits for input", async (t) => {
  const { to, stop } = await keeper(t);
  const running = start(t, ["send", "--to", to]);
  running.child.stdin!.write("first\n");
  await running.wrote("stdout", /^1 ok/m);
  await stop();
  const { code, stdout, stderr } = await running.ended;
  t.equal(code, 1);
  t.strictSame(counts(stdout), { sent: 1, ok: 1, failed: 0, unanswered: 0 });
  t.match(stderr, /^framewire send: error: [^\n]+\n$/);
});

t.test("a signal ends it with a summary of what there was", async (t) => {
  let took = () => {};
  const taken = new Promise<void>((resolve) => took = resolve);
  let bytes = 0;
  const to = await socketServer(t, (socket) => {
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes === 3 * 14) took(); // and never answers
    });
  });
  const running = start(t, ["send", "a", "b", "c", "--to", to]);
  await taken;
  running.kill("SIGINT");
  const { code, stdout } = await running.ended;
  t.equal(code, 1);
  t.strictSame(counts(stdout), { sent: 3, ok: 0, failed: 0, unanswered: 3 });
});

t.test("a reader that goes away ends it quietly", {
  skip: process.platform === "win32" && "needs sh",
}, async (t) => {
  const { to } = await keeper(t);
  const cwd = folderOf(t, {});
  const send = shellLine(["send", "--to", to, "--timeout", "5m"]);
  const shell = `{ yes | ${send}; echo "ended $?" >&2; } | head -n 1`;
  const { stdout, stderr } = await start(t, [], { shell, cwd }).ended;
  t.match(stdout, /^1 ok [\d.]+ ms\n$/);
  t.match(stderr, /^(yes: [^\n]*\n)?ended 1\n$/);
});

/** Memory of a process, or 0 where it cannot be told. */
function residentBytes(pid: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

t.test("--retry outlives a server's restart", async (t) => {
  const texts: string[] = [];
  const handlers = { submit: (packet: { text(): string }) => void texts.push(packet.text()) };
  const first = await serve({ port: 0, lingerMs: 0 }, handlers);
  const { port } = first.addr;
  const running = start(t, ["send", "--to", `127.0.0.1:${port}`, "--retry", "--timeout", "30s"]);
  const stdin = running.child.stdin!;
  stdin.write("before\n");
  await running.wrote("stdout", /^1 ok/m);
  await first.shutdown({ deadlineMs: 0 });
  await running.wrote("stderr", /; the next attempt is in \d+ ms$/m);
  stdin.write("while it is away\n");
  const second = await serve({ port, lingerMs: 0 }, handlers);
  t.teardown(() => second.shutdown({ deadlineMs: 0 }));
  await running.wrote("stdout", /^2 ok/m);
  stdin.end("after\n");
  const { code, stdout, stderr } = await running.ended;
  t.equal(code, 0);
  t.strictSame(texts, ["before", "while it is away", "after"]);
  t.strictSame(counts(stdout), { sent: 3, ok: 3, failed: 0, unanswered: 0 });
  t.match(stderr, /^connected again$/m);
});

t.test("--timeout bounds each answer, and with --retry the wait for the server", async (t) => {
  const mute = await socketServer(t, (socket) => socket.resume());
  const { code, stdout } = await run(t, ["send", "x", "--to", mute, "--timeout", "2s"]);
  t.equal(code, 1);
  t.match(stdout, /^1 failed [\d.]+ ms DEADLINE_EXCEEDED: .* \[unknown\]$/m);
  const none = await run(t, ["send", "x", "--to", "127.0.0.1:1", "--retry", "--timeout", "0.3s"]);
  t.equal(none.code, 1);
  t.equal(
    none.stderr,
    "framewire send: error: no connection to 127.0.0.1:1 could be made in time (--timeout)\n",
  );
});

t.test("--tls and --token-file reach a server that wants them", async (t) => {
  const texts: string[] = [];
  const folder = folderOf(t, { token: "secret\n" });
  const server = await serve({
    port: 0,
    tls: {
      cert: read("tests/fixtures/tls/server.pem"),
      key: read("tests/fixtures/tls/server.key"),
      clientCa: read("tests/fixtures/tls/ca.pem"),
    },
    authenticate: ({ auth }) => auth !== undefined && "token" in auth && auth.token === "secret",
  }, { submit: (packet) => void texts.push(packet.text()) });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const fixture = (name: string) => path(`tests/fixtures/tls/${name}`);
  const to = ["--to", `127.0.0.1:${server.addr.port}`];
  const tls = ["--tls", "--tls-ca", fixture("ca.pem"), "--tls-name", "localhost"];
  const mine = ["--tls-cert", fixture("client.pem"), "--tls-key", fixture("client.key")];
  const token = ["--token-file", join(folder, "token")];
  const good = await run(t, ["send", "hello", ...to, ...tls, ...mine, ...token]);
  t.match(good.stdout, /^1 ok/);
  t.strictSame(texts, ["hello"]);
  const unknown = await run(t, ["send", "x", ...to, ...tls, ...mine, "--token", "guess"]);
  t.equal(unknown.code, 1);
  t.match(
    unknown.stderr,
    /^framewire send: error: the server answered the hello .*unauthenticated/m,
  );
  t.equal((await run(t, ["send", "x", ...to, ...tls, ...token])).code, 1, "no certificate");
  t.strictSame(texts, ["hello"]);
});

/** Stands between a client and a server; `cut` loses what the server sends next, and the connection. */
async function proxyTo(t: Test, port: number): Promise<{ to: string; cut: () => void }> {
  let cuts = false;
  const to = await socketServer(t, (socket) => {
    const server = createConnection({ port, host: "127.0.0.1" });
    server.on("error", () => {});
    server.on("data", (bytes) => {
      if (!cuts) return void socket.write(bytes);
      cuts = false;
      socket.destroy();
      server.destroy();
    });
    socket.on("data", (bytes) => server.write(bytes));
    socket.on("close", () => server.destroy());
  });
  return { to, cut: () => cuts = true };
}

t.test("--session: what lost its answer is sent again, and handled once", async (t) => {
  for (const [flag, handled, failed] of [["--session", 3, 0], ["--retry", 3, 1]] as const) {
    const texts: string[] = [];
    let cut = () => {};
    const server = await serve({ port: 0, lingerMs: 0, sessions: {} }, {
      submit(packet) {
        texts.push(packet.text());
        if (packet.text() === "b") cut();
      },
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const proxy = await proxyTo(t, server.addr.port);
    cut = proxy.cut;
    const args = ["send", "--to", proxy.to, flag, "--rate", "4", "--timeout", "60s", "a", "b", "c"];
    const { code, stdout } = await run(t, args);
    t.equal(code, failed, flag);
    t.strictSame(texts, ["a", "b", "c"], `${flag}: each handled once`);
    t.strictSame(counts(stdout), { sent: 3, ok: handled - failed, failed, unanswered: 0 }, flag);
    if (failed > 0) t.match(stdout, /^2 failed .* \[unknown\]$/m);
  }
  const { to } = await keeper(t);
  const none = await run(t, ["send", "x", "--session", "--to", to]);
  t.equal(none.code, 1);
  t.match(none.stderr, /^framewire send: error: .*session/m);
});
