/**
 * The upload: of 256 MiB, or as many bytes as the variable UPLOAD_BYTES says. Interrupted twice, it arrives
 * as it was, and neither side ever holds more than a small part of it.
 */

import { randomFillSync } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import t from "tap";
import { sha256Of } from "../../examples/upload/sha256.ts";
import { folderOf, type Running } from "../cli/command.ts";
import { FaultProxy } from "../helpers/fault_proxy.ts";
import { connect, until } from "../helpers/runtime.ts";
import { startExample, startServer } from "./program.ts";

const MIB = 1024 * 1024;
const bytes = Number(process.env["UPLOAD_BYTES"] ?? 256 * MIB);
/** How much larger than at its start a process may have been; the same for a file of any size. */
const MOST_GROWTH_BYTES = 160 * MIB;

/** Writes a file whose every MiB is another. */
function makeFile(path: string): void {
  const block = randomFillSync(new Uint8Array(MIB));
  const number = new DataView(block.buffer);
  const file = openSync(path, "w");
  for (let at = 0; at < bytes; at += MIB) {
    number.setUint32(0, at / MIB);
    writeSync(file, block, 0, Math.min(MIB, bytes - at));
  }
  closeSync(file);
}

/** The most memory that a process has had, in bytes, as Linux tells; undefined when it has ended. */
function peakOf({ child }: Running): number | undefined {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

t.test("a file arrives whole, though it was interrupted twice", async (t) => {
  t.setTimeout(600_000);
  const folder = folderOf(t, {});
  const path = join(folder, "large.bin");
  makeFile(path);
  const into = join(folder, "in");
  const { running: server, port } = await startServer(t, "upload/server.ts", [into]);
  const atStart = peakOf(server);
  const third = Math.floor(bytes / 3);
  const proxy = new FaultProxy({
    target: port,
    script: (number) => ({ up: number === 1 ? { resetAt: third } : { stallAt: third } }),
  });
  await proxy.listen();
  t.teardown(() => proxy.close());

  const start = (port: number) =>
    startExample(t, "upload/client.ts", [path, `tcp://127.0.0.1:${port}`]);
  const first = start(proxy.port);
  await first.wrote("stdout", /interrupted: .*\ngoes on at \d+/);
  // What the proxy holds is on its way.
  const there = () => statSync(join(into, readdirSync(into)[0]!)).size;
  await until(() => there() > 2 * third - 8 * MIB, "the second connection stalls", 300_000);
  first.kill("SIGKILL");
  await first.ended;

  const second = start(port);
  let peak = 0;
  const looking = setInterval(() => peak = Math.max(peak, peakOf(second) ?? 0), 20);
  t.teardown(() => clearInterval(looking));
  const [, from] = await second.wrote("stdout", /^goes on at (\d+)$/m);
  t.ok(Number(from) > 2 * third - 8 * MIB, `it goes on at ${from} of ${bytes}`);
  t.match(await second.ended, { code: 0, stdout: /large\.bin is there: / });
  t.strictSame(readdirSync(into), ["large.bin"]);
  t.equal(await sha256Of(join(into, "large.bin")), await sha256Of(path));
  if (atStart === undefined) return;
  const growth = peakOf(server)! - atStart;
  t.ok(growth < MOST_GROWTH_BYTES, `the server grew by ${growth} bytes`);
  t.ok(peak > 0 && peak - atStart < MOST_GROWTH_BYTES, `the client had ${peak} bytes at the most`);
});

t.test("what is no file for this folder, or another one than was said, is not kept", async (t) => {
  const into = join(folderOf(t, {}), "in");
  const { port } = await startServer(t, "upload/server.ts", [into]);
  const client = await connect(`tcp://127.0.0.1:${port}`, { hello: "required" });
  const ask = async (name: string, bytes: number, sha256: string) =>
    JSON.parse(
      new TextDecoder().decode(await client.request(JSON.stringify({ name, bytes, sha256 }))),
    );
  const hash = "ab".repeat(32);
  await t.rejects(client.submit("too early"), { code: "RESULT_FAILED" });
  for (const name of ["../x", "a/b", ".hidden", ""]) {
    await t.rejects(ask(name, 1, hash), { code: "RESULT_FAILED", message: /expected \{ name/ });
  }
  t.strictSame(await ask("small.txt", 5, hash), { offset: 0, complete: false });
  await t.rejects(client.submit("hello!"), { code: "RESULT_FAILED" });
  await client.submit("hello");
  t.strictSame(
    await ask("small.txt", 5, hash),
    { offset: 0, complete: false },
    "not what it hashes to",
  );
  const right = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  await ask("small.txt", 5, right);
  await client.submit("hello");
  t.strictSame(await ask("small.txt", 5, right), { offset: 5, complete: true });
  t.strictSame(readdirSync(into), ["small.txt"]);
  t.equal(readFileSync(join(into, "small.txt"), "utf8"), "hello");
  await client.close();
});
