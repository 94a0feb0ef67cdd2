/** A server that runs out of file descriptors says so, waits, and serves again. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import process from "node:process";
import t from "tap";
import { AcceptBackoff } from "../../src/link/accept_backoff.ts";
import { DescriptorWatch } from "../../src/link/descriptors.ts";
import { ack, submit, toHex } from "../helpers/frames.ts";
import { type Peer, peerTo } from "../helpers/peer.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { runtime, turns, until } from "../helpers/runtime.ts";

/** What the child runs: it says where it listens, then each error's code. */
const PROGRAM = `
  const { serve } = await import(ENTRY);
  const server = await serve({ port: 0, codec: CODEC, lingerMs: 200 }, { submit() {} });
  server.on("error", (error, conn) => console.log("error", error.code, conn === undefined));
  console.log("port", server.addr.port);
`;

/** Starts a server in a process that may open few files. */
function spawnServer(codec: string, files: number) {
  const entry = runtime === "deno" ? "src/entry/deno.ts" : "dist/node.js";
  const program = PROGRAM
    .replace("ENTRY", JSON.stringify(new URL(`file://${path(entry)}`).href))
    .replace("CODEC", JSON.stringify(codec));
  const command = runtime === "deno"
    ? [...denoCommand(), "eval", "--no-check", program]
    : [process.execPath, "--input-type=module", "--eval", program];
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return spawn("/bin/sh", ["-c", `ulimit -n ${files}; exec ${quoted}`], {
    cwd: path("."),
    stdio: ["ignore", "pipe", "inherit"],
  });
}

const isWindows = process.platform === "win32";
const skip = isWindows && "there is no ulimit on Windows";

for (const codec of ["wasm", "ts"]) {
  t.test(`out of descriptors: reported, survived, and over when there are some again (${codec})`, {
    skip,
  }, async (t) => {
    const child = spawnServer(codec, 64);
    t.teardown(() => void child.kill("SIGKILL"));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    let exited: unknown;
    child.on("exit", (code, signal) => exited = code ?? signal);
    await until(() => lines.length > 0 || exited !== undefined, "the server listens");
    const port = Number(lines[0]?.replace("port ", ""));
    t.ok(port > 0, lines[0] ?? `it ended with ${exited}`);

    const peers: Peer[] = [];
    for (let i = 0; i < 100; i++) {
      const peer = await peerTo(port);
      peer.write(submit(1));
      peers.push(peer);
    }
    // Node closes those that it has no descriptor for; on Linux it can be told when that begins.
    if (runtime === "deno" || process.platform === "linux") {
      await until(() => lines.includes("error ACCEPT_FAILED true"), "it is reported");
    }
    if (runtime === "node") {
      await until(() => peers.some((peer) => peer.isEnded), "some are turned away");
      t.ok(lines.length <= 2, `${lines.length} lines: once for all`);
    }
    await until(() => peers.filter((peer) => peer.receivedBytes === 14).length >= 10, "some serve");
    t.equal(exited, undefined);
    t.ok(lines.length < 60, `${lines.length} lines: it waits between tries`);

    for (const peer of peers) peer.reset();
    await turns(20);
    // The server learns of the resets one by one; until then it may still turn a peer away.
    let served = false;
    while (!served && exited === undefined) {
      const peer = await peerTo(port);
      peer.write(submit(2));
      served = toHex(await peer.read(14)) === toHex(ack(2));
      peer.end();
      await peer.closed;
    }
    t.ok(served, "it serves again");
    t.equal(exited, undefined, "the process is the same");
    const { length } = lines;
    const late = await peerTo(port);
    late.write(submit(3));
    t.equal(toHex(await late.read(14)), toHex(ack(3)));
    late.end();
    await late.closed;
    t.equal(lines.slice(length).join(), "", "and nothing more is reported");
    child.kill("SIGKILL");
    await once(child, "exit");
  });
}

t.test("the last descriptors are told of once, until there were enough again", (t) => {
  const told: string[] = [];
  const watch = new DescriptorWatch(({ code, message }) => told.push(`${code} ${message}`), 64);
  for (let fd = 20; fd < 62; fd++) watch.took(fd);
  t.strictSame(told, []);
  watch.took(62);
  watch.took(63);
  t.equal(told.length, 1);
  t.match(told[0], /^ACCEPT_FAILED .* its 64 descriptors/);
  watch.took(60);
  watch.took(63);
  t.equal(told.length, 1, "one that is free now and then is not enough");
  watch.took(40);
  watch.took(63);
  t.equal(told.length, 2);
  const none = new DescriptorWatch(() => t.fail("no limit is known"), Infinity);
  none.took(2 ** 31);
  t.end();
});

t.test("pauses double with each failure in a row, up to a second", (t) => {
  const backoff = new AcceptBackoff();
  const pauses = Array.from({ length: 10 }, () => backoff.failed());
  t.strictSame(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
  backoff.succeeded();
  t.equal(backoff.failed(), 10);
  t.end();
});
