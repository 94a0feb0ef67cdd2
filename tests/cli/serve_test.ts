/** `framewire serve`: what it logs, and how it ends. */

import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import process from "node:process";
import t from "tap";
import { connect } from "../helpers/runtime.ts";
import { folderOf, onDeno, run, shellLine, start, startServer } from "./command.ts";

/** A handler that never settles, and tells when it was called. */
const HANGING =
  "export default { submit() { console.log('called'); return new Promise(() => {}); } };\n";

t.test("it says where it listens, and when it stops what it has done", async (t) => {
  const { running, to } = await startServer(t);
  t.equal((await run(t, ["send", "one", "two", "--to", to])).code, 0);
  running.kill("SIGTERM");
  const { code, stdout, stderr } = await running.ended;
  t.equal(code, 0);
  t.match(
    stdout,
    /^listening on 127\.0\.0\.1:\d+ \(submit, wasm\)\nstopped after [\d.]+ s: 1 connection, 2 requests, 32 B in, 28 B out\n$/,
  );
  t.equal(stderr, "");
});

t.test("protocol, codec, hostname and frame limit are as asked for", async (t) => {
  const { running, port } = await startServer(t, [
    "--protocol=echo",
    "--codec",
    "ts",
    "--hostname",
    "[::1]",
    "--max-frame",
    "1k",
  ]);
  await running.wrote("stdout", /^listening on \[::1\]:\d+ \(echo, ts\)$/m);
  const client = await connect(`tcp://[::1]:${port}`, { protocol: "echo" });
  t.equal((await client.echo("x".repeat(1016))).length, 1016);
  await t.rejects(client.echo("x".repeat(1017)), "a frame over the limit");
  await client.close();
  running.kill("SIGINT");
  t.equal((await running.ended).code, 0);
});

t.test("--verbose logs who comes and goes and what breaks", async (t) => {
  const { running, to, port } = await startServer(t, ["--verbose"]);
  t.equal((await run(t, ["send", "hello", "--to", to])).code, 0);
  await running.wrote("stdout", /^connect #1 127\.0\.0\.1:\d+$/m);
  await running.wrote(
    "stdout",
    /^disconnect #1 127\.0\.0\.1:\d+: PEER_ENDED \(.*\), 1 request, 18 B in, 14 B out$/m,
  );
  const socket = connectSocket(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await running.wrote("stderr", /^error on #2 127\.0\.0\.1:\d+: FRAME_TOO_LARGE: .*HTTP/m);
  await running.wrote("stdout", /^disconnect #2 .*: FRAME_TOO_LARGE/m);
  running.kill("SIGINT");
  await running.wrote("stdout", /^SIGINT: shutting down; a second signal ends it at once$/m);
  t.equal((await running.ended).code, 0);
});

t.test("without --verbose, what a peer does wrong is not logged", async (t) => {
  const { running, port, to } = await startServer(t);
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => socket.on("close", resolve));
  t.equal((await run(t, ["send", "hello", "--to", to])).code, 0);
  running.kill("SIGINT");
  const { stdout, stderr } = await running.ended;
  t.equal(stderr, "");
  t.equal(stdout.trimEnd().split("\n").length, 2, stdout);
});

t.test("--quiet logs nothing, not even a handler's failure", async (t) => {
  const cwd = folderOf(t, {
    "h.mjs": "export default () => { console.log('called'); throw new Error('no'); };\n",
  });
  const port = await freePort(); // no line would tell which one port 0 became
  const running = start(t, ["serve", "h.mjs", "--quiet", "--port", `${port}`], { cwd });
  await listens(port);
  t.equal((await run(t, ["send", "x", "--to", `127.0.0.1:${port}`])).code, 1);
  running.kill("SIGTERM");
  const { code, stdout, stderr } = await running.ended;
  t.equal(code, 0);
  t.equal(stdout, "called\n");
  t.equal(stderr, "");
});

t.test("a signal lets what was taken be answered", async (t) => {
  const cwd = folderOf(t, {
    "h.mjs": `let answer;
      export default { submit(packet) {
        console.log("called", packet.text());
        if (packet.text() === "wait") return new Promise((resolve) => answer = resolve);
      } };
      // Answered when the signal has come: this listener is one of two.
      const answerNow = () => setTimeout(() => answer?.(), 0);
      if (globalThis.Deno) Deno.addSignalListener("SIGTERM", answerNow);
      else process.on("SIGTERM", answerNow);
    `,
  });
  const { running, port } = await startServer(t, ["h.mjs"], { cwd });
  const client = await connect(`tcp://127.0.0.1:${port}`);
  const answered = client.submit("wait");
  await running.wrote("stdout", /called wait/);
  running.kill("SIGTERM");
  await answered;
  await client.closed;
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  t.match(stdout, /stopped after .*: 1 connection, 1 request,/);
});

t.test("a second signal ends it at once, and with exit code 1", async (t) => {
  const cwd = folderOf(t, { "h.mjs": HANGING });
  const { running, port } = await startServer(t, ["h.mjs", "--verbose"], { cwd });
  const client = await connect(`tcp://127.0.0.1:${port}`);
  const failed = t.rejects(client.submit("hang"));
  await running.wrote("stdout", /called/);
  running.kill("SIGINT");
  await running.wrote("stdout", /shutting down/);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  t.equal(code, 1);
  t.match(stderr, /^forced to end with 1 connection open$/m);
  await failed;
});

t.test("under npm run, a Ctrl-C that comes twice at once is one", async (t) => {
  const env = { npm_lifecycle_event: "serve" };
  const cwd = folderOf(t, { "h.mjs": HANGING });
  const { running, port } = await startServer(t, ["h.mjs", "--verbose"], { cwd, env });
  const client = await connect(`tcp://127.0.0.1:${port}`);
  const failed = t.rejects(client.submit("hang"));
  await running.wrote("stdout", /called/);
  // Two of one kind would be one already when they come; so they are of two kinds.
  running.kill("SIGINT");
  running.kill("SIGTERM");
  await running.wrote("stdout", /shutting down/);
  // It still waits for the handler; only when this is repeated is it meant.
  const again = setInterval(() => running.kill("SIGINT"), 100);
  const began = performance.now();
  const { code } = await running.ended;
  clearInterval(again);
  t.equal(code, 1);
  t.ok(performance.now() - began > 95, "the echo did not end it");
  await failed;
});

t.test("what breaks on this side is told, and not more than ten times a second", async (t) => {
  const cwd = folderOf(t, {
    "h.mjs": "export default () => { throw new Error('out of order'); };\n",
  });
  const { running, to } = await startServer(t, ["h.mjs"], { cwd });
  const { code, stdout } = await run(t, ["send", "x", "--count", "500", "-q", "--to", to]);
  t.equal(code, 1);
  t.match(stdout, /500 sent, 0 ok, 500 failed/);
  await running.wrote("stderr", /^error: HANDLER_FAILED: and \d+ more within a second$/m);
  running.kill("SIGINT");
  const { stderr, stdout: log } = await running.ended;
  t.match(stderr, /^error on #1 .*: HANDLER_FAILED: .*00000001 failed: out of order$/m);
  const told = stderr.match(/out of order/g)?.length ?? 0;
  const summed = [...stderr.matchAll(/and (\d+) more/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  t.equal(told + summed, 500, "every failure is told or counted");
  t.ok(told < 100, `${told} lines`);
  t.match(log, /500 requests \(500 failed\)/);
});

t.test("a failure to accept is told, and the server goes on", {
  skip: process.platform !== "linux"
    ? "needs ulimit"
    : onDeno
    ? false
    : "Node accepts and closes what it has no descriptor for, and tells nobody",
}, async (t) => {
  const shell = `ulimit -n 48; exec ${shellLine(["serve", "--port", "0"])}`;
  const running = start(t, [], { shell });
  const [, port] = await running.wrote("stdout", /^listening on .*:(\d+) \(/m);
  const sockets = Array.from({ length: 60 }, () => {
    const socket = connectSocket(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    return socket;
  });
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  await running.wrote("stderr", /^error: ACCEPT_FAILED: a connection could not be accepted: /m);
  for (const socket of sockets) socket.destroy();
  t.equal((await run(t, ["send", "still here", "--to", `127.0.0.1:${port}`])).code, 0);
  running.kill("SIGINT");
  t.equal((await running.ended).code, 0);
});

t.test("it outlives the reader of its log", {
  skip: process.platform === "win32" && "needs sh",
}, async (t) => {
  // `head` ends after the first line; what follows has nowhere to go.
  const cwd = folderOf(t, {});
  const shell = `{ ${shellLine(["serve", "--port", "0", "-v"])} & echo $! >&2; wait $!; ` +
    `echo "ended $?" >&2; } | head -n 1`;
  const running = start(t, [], { shell, cwd });
  const [, pid] = await running.wrote("stderr", /^(\d+)$/m);
  let over = false;
  t.teardown(() => over || process.kill(Number(pid), "SIGKILL"));
  const [, port] = await running.wrote("stdout", /^listening on .*:(\d+) \(/m);
  for (const payload of ["a", "b"]) {
    t.equal((await run(t, ["send", payload, "--to", `127.0.0.1:${port}`])).code, 0);
  }
  process.kill(Number(pid), "SIGTERM");
  await running.wrote("stderr", /^ended 0$/m);
  over = true;
  const { stdout, stderr } = await running.ended;
  t.match(stdout, /^listening on [^\n]*\n$/);
  t.match(stderr, /^\d+\nended 0\n$/, "nothing is said about the pipe");
});

/** A port that nothing listens at, for the moment. */
async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** Resolves when something listens at a port. */
async function listens(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connectSocket(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
  }
}
