/** `framewire ping`: round trips to servers of ours, and what it says of all others. */

import type { Buffer } from "node:buffer";
import t from "tap";
import { serve } from "../../mod.ts";
import { Output } from "../../src/cli/output.ts";
import { histogram, PingReport } from "../../src/cli/ping_report.ts";
import { path, read } from "../helpers/root.ts";
import { socketServer } from "../helpers/socket_server.ts";
import { run, start } from "./command.ts";

type Test = Parameters<typeof start>[0];

const SUMMARY =
  /^(\d+) sent, (\d+) lost; min ([\d.]+) ms, median ([\d.]+) ms, p99 ([\d.]+) ms, max ([\d.]+) ms$/m;

/** No answer that comes is to be missed because the machine is busy. */
const PATIENT = ["--timeout", "60s"];

/** A server of ours that tells how many requests its handlers got. */
async function ours(t: Test, options: object = {}): Promise<{ to: string; handled: () => number }> {
  let handled = 0;
  const server = await serve({ port: 0, lingerMs: 0, ...options }, {
    submit: () => void handled++,
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  return { to: `127.0.0.1:${server.addr.port}`, handled: () => handled };
}

/** The answer of a peer that says `text` to whatever it is sent. */
const saying = (t: Test, text: string) =>
  socketServer(t, (socket) => socket.once("data", () => socket.end(text, "latin1")));

t.test("a server with a hello is pinged, each round trip is printed, no handler runs", async (t) => {
  const { to, handled } = await ours(t);
  const { code, stdout, stderr } = await run(t, [
    "ping",
    to,
    "-n",
    "5",
    "--interval=0",
    ...PATIENT,
  ]);
  t.equal(code, 0);
  t.equal(stderr, "");
  t.match(stdout, /^tcp:\/\/127\.0\.0\.1:\d+: submit with .*ping.*\n1 [\d.]+ ms\n2 [\d.]+ ms\n/);
  const [sent, lost, ...times] = (SUMMARY.exec(stdout) ?? []).slice(1).map(Number);
  t.strictSame([sent, lost], [5, 0]);
  t.ok(times[0]! > 0, "a round trip takes time");
  t.strictSame(times, [...times].sort((a, b) => a - b), "min, median, p99 and max are in order");
  t.equal(handled(), 0);
  t.notMatch(stdout, "█", "the histogram is for terminals");
});

t.test("a plain server is asked by a Conn, an echo server by an echo", async (t) => {
  const plain = await socketServer(t, (socket) => {
    socket.on("data", (bytes: Buffer) => {
      // The original four packets: any Conn is answered by fourteen bytes.
      for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
        const id = bytes.subarray(at + 5, at + 13);
        socket.write(Uint8Array.of(0, 0, 0, 14, bytes[at + 4]! | 0x80, ...id, 0));
      }
    });
  });
  const asked = await run(t, ["ping", plain, "-n", "3", "-i", "0", "--quiet", ...PATIENT]);
  t.equal(asked.code, 0);
  t.match(asked.stdout, /^3 sent, 0 lost; [^\n]*\n$/, "the summary alone");
  t.match(
    (await run(t, ["ping", plain, "-n", "1", ...PATIENT])).stdout,
    /: submit without a hello\n/,
  );
  const { to } = await ours(t, { features: [] });
  t.match(
    (await run(t, ["ping", to, "-n", "2", "-i", "1ms", ...PATIENT])).stdout,
    /without a hello\n1 .*\n2 /,
  );

  const server = await serve({ port: 0, protocol: "echo" });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const echo = `127.0.0.1:${server.addr.port}`;
  const echoed = await run(t, [
    "ping",
    echo,
    "--protocol",
    "echo",
    "-n",
    "2",
    "-i",
    "0",
    ...PATIENT,
  ]);
  t.equal(echoed.code, 0);
  t.match(echoed.stdout, /: echo\n1 .*\n2 .*\n2 sent, 0 lost;/);
  const wrong = await run(t, ["ping", echo, ...PATIENT]);
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, /no server of the protocol submit: .* it speaks echo \(--protocol echo\)/);
});

t.test("what is none of ours is named", async (t) => {
  const peers: Readonly<Record<string, readonly [answer: string, says: RegExp]>> = {
    http: ["HTTP/1.1 400 Bad Request\r\n\r\n", /it looks like HTTP \("HTTP\/1\.1 400 Bad"\)/],
    ssh: ["SSH-2.0-OpenSSH_9.2p1\r\n", /it looks like SSH/],
    tls: ["\x15\x03\x03\x00\x02\x02\x0a", /it looks like TLS: try --tls/],
    mail: ["220 mail.example ESMTP\r\n", /it looks like SMTP or FTP/],
    nats: ['INFO {"server_id":"x"}\r\n', /it looks like NATS/],
    mysql: ["J\x00\x00\x00\x0a8.0.36\x00aaaaaaa", /it looks like MySQL/],
    text: ["WHO ARE YOU?\r\n", /its answer begins with "WHO ARE YOU\?/],
    bytes: ["\xff\xfe\xfd\xfc\xfb", /its answer begins with bytes ff fe fd fc/],
    nothing: ["", /it closes the connection/],
  };
  for (const [name, [answer, says]] of Object.entries(peers)) {
    const { code, stdout, stderr } = await run(t, ["ping", await saying(t, answer), ...PATIENT]);
    t.equal(code, 1, name);
    t.equal(stdout, "", name);
    t.match(stderr, says, name);
    t.match(stderr, /^framewire ping: error: 127\.0\.0\.1:\d+ [^\n]*\n$/, `${name}: one line`);
  }
});

t.test("a silent peer is asked for a word, and given up", async (t) => {
  const args = ["--timeout", "3s"];
  const redis = await socketServer(t, (socket) => {
    socket.on("data", (bytes: Buffer) => void (bytes.includes(0x0a) && socket.write("+PONG\r\n")));
  });
  t.match((await run(t, ["ping", redis, ...args])).stderr, /it looks like Redis/);
  const mute = await run(t, ["ping", await socketServer(t, (socket) => socket.resume()), ...args]);
  t.equal(mute.code, 1);
  t.match(mute.stderr, /it takes connections and answers nothing within 3000 ms \(--timeout\)/);
  const gone = await run(t, ["ping", "127.0.0.1:1", ...PATIENT]);
  t.equal(gone.code, 1);
  t.match(gone.stderr, /cannot connect to 127\.0\.0\.1:1: nothing listens there/);
});

t.test("an answer that does not come is lost, and makes it fail", async (t) => {
  let answers = 0;
  const forgetful = await socketServer(t, (socket) => {
    socket.on("data", (bytes: Buffer) => {
      if (++answers > 3) return;
      socket.write(Uint8Array.of(0, 0, 0, 14, 0x81, ...bytes.subarray(5, 13), 0));
    });
  });
  const args = ["-n", "2", "-i", "0", "--timeout", "3s"];
  const { code, stdout } = await run(t, ["ping", forgetful, ...args]);
  t.equal(code, 1);
  t.match(stdout, /\n1 [\d.]+ ms\n2 lost: .*not answered.*\n2 sent, 1 lost; min /);
});

t.test("a server that ends the connection ends it, with the summary", async (t) => {
  const server = await serve({ port: 0 }, { submit() {} });
  const running = start(t, [
    "ping",
    `127.0.0.1:${server.addr.port}`,
    "-n",
    "0",
    "-i",
    "10ms",
    ...PATIENT,
  ]);
  await running.wrote("stdout", /^3 [\d.]+ ms$/m);
  await server.shutdown();
  const { code, stdout, stderr } = await running.ended;
  t.equal(code, 1);
  t.match(stdout, SUMMARY);
  t.match(stderr, /^framewire ping: error: [^\n]*\n$/);
});

t.test("a signal ends it with a summary; what was answered is no failure", async (t) => {
  const { to } = await ours(t);
  const running = start(t, ["ping", to, "-n", "0", "-i", "10ms", ...PATIENT]);
  await running.wrote("stdout", /^2 [\d.]+ ms$/m);
  running.kill("SIGINT");
  const { code, stdout } = await running.ended;
  t.equal(code, 0);
  t.match(stdout, /sent, 0 lost; min/);
});

t.test("--tls and --token reach servers that want them; without them it says so", async (t) => {
  const fixture = (name: string) => path(`tests/fixtures/tls/${name}`);
  const { to } = await ours(t, {
    tls: {
      cert: read("tests/fixtures/tls/server.pem"),
      key: read("tests/fixtures/tls/server.key"),
    },
    authenticate: ({ auth }: { auth?: { token?: string } }) => auth?.token === "secret" && "me",
  });
  const address = to.replace("127.0.0.1", "localhost");
  const tls = ["--tls", "--tls-ca", fixture("ca.pem"), "-n", "2", "-i", "0"];
  const good = await run(t, ["ping", address, ...tls, ...PATIENT, "--token", "secret"]);
  t.equal(good.stderr, "");
  t.match(good.stdout, /^tls:\/\/localhost:\d+: submit with [^]*2 sent, 0 lost/);
  const wrong = await run(t, ["ping", `tls://${address}`, ...tls, ...PATIENT, "--token", "guess"]);
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, /wants to know who calls \(--token\)/);
  t.match(
    (await run(t, ["ping", address, ...PATIENT])).stderr,
    /it looks like TLS: try --tls|it closes the/,
  );
  const stranger = await run(t, ["ping", address, "--tls", ...PATIENT]);
  t.equal(stranger.code, 1);
  t.match(stranger.stderr, /certificate/, "its authority is not trusted by default");
});

t.test("the histogram has steps of equal ratios, and every time in one of them", (t) => {
  const lines = histogram([0.1, 0.11, 0.12, 0.5, 25.6]);
  t.equal(lines.length, 8);
  t.match(lines[0], /^ {2}to {2}0\.200 ms {2}3 █{40}$/);
  t.match(lines[2], /^ {2}to {2}0\.800 ms {2}1 █{14}$/);
  t.match(lines[7], /^ {2}to 25\.600 ms {2}1 █{14}$/);
  t.match(lines[5], /ms {2}0$/);
  t.strictSame(histogram([2, 2]), [`  to 2.000 ms  2 ${"█".repeat(40)}`], "all alike");
  t.equal(histogram([0, 0]).length, 1, "times under the clock's grain");
  t.end();
});

t.test("the summary has the nearest ranks, and a histogram on a terminal alone", async (t) => {
  for (const terminal of [true, false]) {
    let printed = "";
    const take = (bytes: Uint8Array) => {
      printed += new TextDecoder().decode(bytes);
      return bytes.length;
    };
    const out = new Output({
      isTerminal: () => terminal,
      writeSync: take,
      writable: new WritableStream({ write: (bytes) => void take(bytes) }),
    });
    const report = new PingReport(out, true);
    for (let ms = 200; ms >= 1; ms--) report.answered(ms);
    report.unanswered("too late");
    report.summary();
    await out.flush();
    const [summary, ...rest] = printed.trimEnd().split("\n");
    t.match(
      summary,
      /^201 sent, 1 lost; min 1\.000 ms, median 100 ms, p99 198 ms, max 200 ms$/,
    );
    t.equal(rest.length, terminal ? 8 : 0);
    t.ok(rest.every((line) => /^ {2}to +[\d.]+ ms +\d+( █+)?$/.test(line)), printed);
  }
});
