/** Plain `submit` and its golden frames from another language: a peer in Python's standard library. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import t from "tap";
import { path } from "../helpers/root.ts";
import { connect, serve } from "../helpers/runtime.ts";
import { CODECS } from "../helpers/settings.ts";

const PEER = path("tests/peers/submit_peer.py");
const VECTORS = path("tests/vectors/submit_echo.json");
/** Without what a version manager or a user has set up: the standard library is enough. */
const python = ["python3", "-I", PEER] as const;

const { status } = spawnSync("python3", [
  "-I",
  "-c",
  "import sys; sys.exit(sys.version_info < (3, 8))",
]);
const isNeeded = process.env.CI === "true" && process.platform === "linux";
const skip = status === 0 || isNeeded ? false : "there is no python3 of 3.8 or newer";

/** Starts the peer; its lines come as it prints them. */
function peer(t: { teardown(end: () => void): unknown }, ...args: string[]) {
  const [command, ...first] = python;
  const child = spawn(command, [...first, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line(): Promise<Record<string, unknown>> {
      const { value } = await lines.next();
      return JSON.parse(value ?? "null");
    },
  };
}

t.test(
  "the golden frames are what another implementation makes of PROTOCOL.md",
  { skip },
  async (t) => {
    const { checked, wrong } = await peer(t, "vectors", VECTORS).line();
    t.strictSame(wrong, []);
    t.ok(checked as number >= 11, `${checked} checked`);
  },
);

for (const codec of CODECS) {
  t.test(`a peer in Python is served (${codec})`, { skip }, async (t) => {
    const seen: string[] = [];
    const server = await serve({ port: 0, codec }, {
      submit(packet) {
        seen.push(packet.text());
        if (packet.text() === "fail") throw new Error("asked to fail");
      },
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const port = String(server.addr.port);
    const payloads = ["one", "fail", "grüße", ...Array.from({ length: 50 }, (_, i) => `${i}`)];
    const { results, left } = await peer(t, "connect", port, ...payloads).line();
    t.strictSame(results, [
      [0x81, "py-hello", "00"],
      ...payloads.map((payload, i) => [
        0x82,
        `py-${String(i).padStart(5, "0")}`,
        payload === "fail" ? "01" : "00",
      ]),
    ]);
    t.equal(left, 0);
    t.strictSame(seen, payloads);
    const { checked, wrong } = await peer(t, "exchange", port, VECTORS).line();
    t.strictSame(wrong, [], "the golden frames, sent from Python");
    t.ok(checked as number >= 6);
  });

  for (const piece of ["1", "5", "1048576"]) {
    t.test(`a server in Python, answers in pieces of ${piece} (${codec})`, { skip }, async (t) => {
      const server = peer(t, "serve", piece);
      const { port } = await server.line();
      const url = `tcp://127.0.0.1:${port}`;
      // It knows no hello, and answers as to an empty Conn.
      for (const hello of ["off", "auto"] as const) {
        const client = await connect(url, { codec, hello });
        t.equal(client.features().size, 0);
        await Promise.all(Array.from({ length: 20 }, (_, i) => client.submit(`${hello} ${i}`)));
        await t.rejects(client.submit("fail"), { code: "RESULT_FAILED", outcome: "answered" });
        await client.submit("x".repeat(200_000));
        await client.close();
      }
      const gone = once(server.child, "exit");
      server.child.stdin.end();
      const { payloads, closed } = await server.line();
      const expected = ["off", "auto"].flatMap((hello) => [
        ...Array.from({ length: 20 }, (_, i) => `${hello} ${i}`),
        "fail",
        "x".repeat(200_000),
      ]);
      t.strictSame(payloads, expected);
      t.strictSame(closed, ["in order", "in order"]);
      t.equal((await gone)[0], 0);
    });
  }
}
