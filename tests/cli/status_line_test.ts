/** The status line of `framewire serve` on a terminal: here, one that `script` of util-linux makes. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import t from "tap";
import { Rates } from "../../src/cli/rates.ts";
import { StatusLine } from "../../src/cli/status_line.ts";
import { folderOf, run, Running, shellLine } from "./command.ts";

/** Without a terminal there is nothing to see; other systems' `script` takes other arguments. */
const noTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0
  ? false
  : "needs script of util-linux";

const CTRL_C = "\x03";

/** Starts `framewire serve` on a terminal of its own. */
async function onTerminal(
  t: Parameters<typeof folderOf>[0],
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ running: Running; to: string }> {
  const line = `exec ${shellLine(["serve", "--port", "0", ...args])}`;
  const running = new Running("script", ["-qec", line, "/dev/null"], {
    ...options,
    env: { TERM: "xterm", ...options.env },
  }).endWith(t);
  const [, port] = await running.wrote("stdout", /listening on .*:(\d+) \(/);
  return { running, to: `127.0.0.1:${port}` };
}

t.test("it shows connections, requests and bytes, and is gone at the end", {
  skip: noTerminal,
}, async (t) => {
  const { running, to } = await onTerminal(t, []);
  // Repainted once a second: what is sent in between is seen as a rate.
  await running.wrote("stdout", /0 connections · 0 requests\/s · 0 B\/s in · 0 B\/s out/);
  const sending = run(t, ["send", "x", "-n", "120", "-r", "50", "-q", "--to", to]);
  await running.wrote("stdout", /1 connection · \d+ requests\/s · [\d.]+ (B|KiB)\/s in/);
  t.equal((await sending).code, 0);
  running.child.stdin!.write(CTRL_C);
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  // deno-lint-ignore no-control-regex -- erased, then the line that stays
  t.match(stdout, /\r\x1b\[Kstopped after [^\r\n]* 120 requests, [^\r\n]*\r\n$/);
});

t.test("what handlers print stands above it, in lines of its own", {
  skip: noTerminal,
}, async (t) => {
  const cwd = folderOf(t, {
    "h.mjs": "export default (packet) => { console.log('got', packet.text()); };\n",
  });
  const { running, to } = await onTerminal(t, ["h.mjs"], { cwd });
  await running.wrote("stdout", /requests\/s/);
  t.equal((await run(t, ["send", "hello", "--to", to])).code, 0);
  // deno-lint-ignore no-control-regex -- erased, the line, and painted again
  await running.wrote("stdout", /\r\x1b\[Kgot hello\r\n\r\x1b\[K/);
  running.child.stdin!.write(CTRL_C);
  t.equal((await running.ended).code, 0);
});

t.test("a second Ctrl-C leaves the terminal clean too", { skip: noTerminal }, async (t) => {
  const cwd = folderOf(t, {
    "h.mjs": "export default () => { console.log('called'); return new Promise(() => {}); };\n",
  });
  const { running, to } = await onTerminal(t, ["h.mjs"], { cwd });
  const sending = run(t, ["send", "hang", "--to", to]);
  await running.wrote("stdout", /called/);
  running.child.stdin!.write(CTRL_C);
  await running.wrote("stdout", /stopping, again to force · 1 connection/);
  running.child.stdin!.write(CTRL_C);
  const { code, stdout } = await running.ended;
  t.equal(code, 1);
  // deno-lint-ignore no-control-regex -- erased, then the line that stays
  t.match(stdout, /\r\x1b\[Kforced to end with 1 connection open\r\n$/);
  t.equal((await sending).code, 1);
});

t.test("NO_COLOR leaves out the colors, and a dumb terminal gets plain lines", {
  skip: noTerminal,
}, async (t) => {
  const plain = await onTerminal(t, [], { env: { NO_COLOR: "1" } });
  await plain.running.wrote("stdout", /requests\/s/);
  plain.running.child.stdin!.write(CTRL_C);
  // deno-lint-ignore no-control-regex -- colors end in m
  t.notMatch((await plain.running.ended).stdout, /\x1b\[\d*m/);

  const dumb = await onTerminal(t, [], { env: { TERM: "dumb" } });
  dumb.running.child.stdin!.write(CTRL_C);
  const { code, stdout } = await dumb.running.ended;
  t.equal(code, 0);
  // deno-lint-ignore no-control-regex -- nothing is repainted
  t.notMatch(stdout, /\x1b|requests\/s/);
});

t.test("rates are the difference to the last time, by the time that passed", (t) => {
  const stats = (requests: number, bytes: number, failures = 0) => ({
    connections: { open: 2, accepted: 3 },
    requests,
    replies: requests,
    failures,
    bytesIn: bytes,
    bytesOut: bytes / 2,
    drops: 0,
    memory: { used: 0, budget: 0, paused: 0 },
    errors: {},
    refusals: {},
  });
  const rates = new Rates(stats(100, 1000), 5000);
  t.equal(
    rates.line(stats(2600, 5120 + 1000), 7000),
    "2 connections · 1,250 requests/s · 2.5 KiB/s in · 1.3 KiB/s out",
  );
  t.equal(
    rates.line(stats(2601, 6120, 1), 8000),
    "2 connections · 1 requests/s · 1 failed/s · 0 B/s in · 0 B/s out",
  );
  t.end();
});

t.test("it never is wider than the terminal, whose width may be unknown", (t) => {
  let written = "";
  let columns = 20;
  const host = {
    noColor: true,
    consoleSize: () => {
      if (columns === 0) throw new Error("no terminal");
      return { columns, rows: 5 };
    },
  };
  const out = { write: (text: string) => written += text };
  const line = new StatusLine(host as never, out as never, () => "x".repeat(200));
  line.start();
  t.equal(written, `\r\x1b[K${"x".repeat(19)}`);
  columns = 0;
  written = "";
  line.repaint();
  t.equal(written, `\r\x1b[K${"x".repeat(79)}`);
  line.stop();
  written = "";
  line.repaint();
  line.stop();
  t.equal(written, "", "it is over");
  t.end();
});
