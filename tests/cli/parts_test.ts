/** What the command is put together from, without a process. */

import t from "tap";
import { closest } from "../../src/cli/closest.ts";
import { jsonLogger } from "../../src/cli/json_log.ts";
import { readLines } from "../../src/cli/lines.ts";
import { Output } from "../../src/cli/output.ts";
import { InFlight, Pace } from "../../src/cli/pace.ts";
import { formatBytes, formatCount, parseSize, plural } from "../../src/cli/size.ts";
import { readArgs } from "../../src/cli/usage.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

t.test("sizes are numbers with units of 1024", (t) => {
  const sizes: Record<string, number | undefined> = {
    "0": 0,
    "65536": 65536,
    "64k": 65536,
    "64K": 65536,
    "64kB": 65536,
    "64KiB": 65536,
    "12b": 12,
    "1M": 1048576,
    "1.5M": 1572864,
    "2g": 2147483648,
    "0.3": undefined,
    "1.0001k": undefined,
    "-1": undefined,
    "": undefined,
    "k": undefined,
    "1 k": undefined,
    "1i": undefined,
    "1e3": undefined,
    "64kk": undefined,
    "99999999999999999999": undefined,
  };
  for (const [text, bytes] of Object.entries(sizes)) t.equal(parseSize(text), bytes, text);
  t.end();
});

t.test("figures are written for people", (t) => {
  t.strictSame([0, 1023, 1024, 1536, 1048576, 5e12].map(formatBytes), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "4.5 TiB",
  ]);
  t.equal(formatCount(1234567.8), "1,234,568");
  t.strictSame([0, 1, 2].map((count) => plural(count, "frame")), [
    "0 frames",
    "1 frame",
    "2 frames",
  ]);
  t.end();
});

t.test("a mistyped word finds the one it stands for, and another word finds none", (t) => {
  const names = ["hostname", "port", "protocol", "codec", "max-frame", "verbose", "quiet"];
  for (
    const [typed, meant] of [
      ["prot", "protocol"],
      ["poort", "port"],
      ["host", "hostname"],
      ["maxframe", "max-frame"],
      ["qiuet", "quiet"],
      ["verbos", "verbose"],
      ["codecs", "codec"],
      ["banana", undefined],
      ["", undefined],
    ] as const
  ) t.equal(closest(typed, names), meant, typed);
  t.end();
});

t.test("arguments are read by the table of options", (t) => {
  const usage = {
    name: "test",
    summary: "Test",
    operands: "",
    details: "",
    options: {
      port: { short: "p", value: "PORT", help: "" },
      loud: { short: "l", help: "" },
    },
    examples: [],
  } as const;
  t.strictSame(readArgs(usage, ["a", "-lp", "5", "b", "--", "--port"]), {
    given: { loud: true, port: "5" },
    operands: ["a", "b", "--port"],
  });
  t.strictSame(readArgs(usage, ["--port=-x"]).given, { port: "-x" }, "on purpose");
  t.strictSame(readArgs(usage, ["--port", "-1"]).given, { port: "-1" }, "a number is a value");
  t.strictSame(readArgs(usage, ["-p", "1", "--port", "2"]).given, { port: "2" }, "the last counts");
  for (const args of [["--port"], ["--port", "--loud"], ["--loud=1"], ["--toString"], ["-q"]]) {
    t.throws(() => readArgs(usage, args), { name: "UsageError" }, args.join(" "));
  }
  t.end();
});

/** A stream of chunks. */
function streamOf(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
}

/** The lines of a stream of chunks. */
async function linesOf(chunks: readonly string[], mostBytes = 1000): Promise<string[]> {
  const lines: string[] = [];
  const never = new AbortController().signal;
  for await (const line of readLines(streamOf(...chunks), mostBytes, never)) {
    lines.push(decoder.decode(line));
  }
  return lines;
}

t.test("lines are the same wherever the stream is cut", async (t) => {
  const text = "one\r\ntwo\n\n€€\r\n\r\nlast";
  const wanted = ["one", "two", "", "€€", "", "last"];
  t.strictSame(await linesOf([text]), wanted);
  t.strictSame(await linesOf([...text]), wanted, "character by character");
  for (let at = 1; at < text.length; at++) {
    t.strictSame(await linesOf([text.slice(0, at), text.slice(at)]), wanted, `cut at ${at}`);
  }
  t.strictSame(await linesOf(["a\n"]), ["a"], "no line after the last newline");
  t.strictSame(await linesOf([]), []);
});

t.test("a line too long is an error before it is whole", async (t) => {
  t.strictSame(await linesOf(["12345\r\n1234", "5\r"], 5), ["12345", "12345"]);
  for (const chunks of [["123456\n"], ["12345", "6\n"], ["123456"], ["a\n1234567", "8"]]) {
    await t.rejects(linesOf(chunks, 5), { name: "CommandError" }, chunks.join("|"));
  }
});

t.test("reading stops when it is told to, even while nothing comes", async (t) => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("one\ntw")),
    cancel: () => void (cancelled = true),
  });
  const stop = new AbortController();
  const lines = readLines(endless, 100, stop.signal);
  t.equal(decoder.decode((await lines.next()).value as Uint8Array), "one");
  const waiting = lines.next();
  stop.abort();
  t.equal((await waiting).done, true);
  t.ok(cancelled);
});

t.test("what is under way is bounded in number and in bytes", async (t) => {
  const never = new AbortController().signal;
  const inFlight = new InFlight(2, 100);
  const settled = async (promise: Promise<void>): Promise<boolean> => {
    let done = false;
    void promise.then(() => done = true);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    return done;
  };
  t.ok(await settled(inFlight.room(5000, never)), "one alone may be larger");
  inFlight.begin(60);
  t.ok(await settled(inFlight.room(40, never)));
  const tooMuch = inFlight.room(41, never);
  t.notOk(await settled(tooMuch), "over the bytes");
  inFlight.end(60);
  t.ok(await settled(tooMuch));
  inFlight.begin(1);
  inFlight.begin(1);
  const third = inFlight.room(1, never);
  t.notOk(await settled(third), "over the number");
  inFlight.end(1);
  t.ok(await settled(third));
  const stop = new AbortController();
  const empty = inFlight.empty(stop.signal);
  t.notOk(await settled(empty));
  stop.abort();
  t.ok(await settled(empty), "nobody waits any more");
});

t.test("a pace has its first turn at once, and none after it is stopped", async (t) => {
  const stop = new AbortController();
  const pace = new Pace(0.001);
  await pace.turn(stop.signal);
  const second = pace.turn(stop.signal); // in a thousand seconds
  stop.abort();
  await second;
  await pace.turn(stop.signal);
  await new Pace(Infinity).turn(new AbortController().signal);
  t.pass("it came to here");
});

/** A pipe whose reader takes a chunk when told to. */
function slowPipe(): { sink: ConstructorParameters<typeof Output>[0]; take: () => string } {
  const written: string[] = [];
  let go: (() => void) | undefined;
  return {
    sink: {
      isTerminal: () => false,
      writeSync: () => {
        throw new Error("not for pipes");
      },
      writable: new WritableStream({
        write(chunk) {
          written.push(decoder.decode(chunk));
          return new Promise((resolve) => go = resolve);
        },
      }),
    },
    take() {
      go?.();
      return written.splice(0).join("");
    },
  };
}

t.test("lines keep their order behind a slow reader, and too many are dropped and counted", async (t) => {
  const pipe = slowPipe();
  const out = new Output(pipe.sink);
  out.line("first");
  out.line("second");
  while (true) {
    const text = pipe.take();
    if (text === "") {
      await new Promise((resolve) => setTimeout(resolve, 0));
      continue;
    }
    t.equal(text, "first\nsecond\n", "the lines of one turn leave together");
    break;
  }
  await out.flush();
  out.line("under way");
  await new Promise((resolve) => setTimeout(resolve, 0));
  const line = "x".repeat(1023);
  for (let i = 0; i < 1200; i++) out.line(line);
  let room = false;
  void out.room().then(() => room = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  t.notOk(room, "who can wait is told to");
  let all = "";
  void out.flush().then(() => room = true);
  for (let i = 0; i < 10; i++) {
    all += pipe.take();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await out.flush();
  t.ok(room);
  t.match(all, /^under way\n/);
  const kept = all.match(/x{1023}/g)?.length ?? 0;
  t.equal(kept + Number(/\((\d+) lines were dropped\)/.exec(all)?.[1]), 1200);
  t.ok(kept > 1000 && kept < 1200, `${kept} kept`);
});

t.test("when the reader is gone, nothing throws and all is dropped", async (t) => {
  for (const terminal of [false, true]) {
    const out = new Output({
      isTerminal: () => terminal,
      writeSync: () => {
        throw new Error("EPIPE");
      },
      writable: new WritableStream({
        write: () => Promise.reject(new Error("EPIPE")),
      }),
    });
    out.line("one");
    await out.flush();
    t.ok(out.closed.aborted);
    out.line("two");
    await out.room();
    await out.flush();
  }
});

t.test("a flood of refusals is a hundred records a second, and how many more there were", async (t) => {
  const records: Record<string, unknown>[] = [];
  let summedUp!: () => void;
  const sums = new Promise<void>((resolve) => summedUp = resolve);
  const getLogger = jsonLogger((line) => {
    records.push(JSON.parse(line));
    if (records.filter(({ held }) => held !== undefined).length === 2) summedUp();
  }, false);
  const security = getLogger(["framewire", "security"]);
  for (let n = 0; n < 250; n++) {
    security.warn(`refused ${n}`, { event: "refused", gate: "deny", remote: "192.0.2.1" });
    if (n < 130) security.warn("malformed", { event: "malformed", code: "FRAME_TOO_LARGE" });
    security.info("of these all are written");
  }
  security.warn("another gate", { event: "refused", gate: "rate" });
  getLogger(["framewire", "server"]).error("another category", { event: "refused", gate: "deny" });
  await sums;
  const held = records.filter(({ held }) => held !== undefined);
  t.match(held, [
    { level: "warn", category: "framewire.security", event: "refused", gate: "deny", held: 150 },
    { event: "malformed", code: "FRAME_TOO_LARGE", held: 30 },
  ]);
  t.equal(records.length, 100 + 100 + 250 + 2 + 2);
  t.equal(records.filter(({ level }) => level === "info").length, 250);
  security.warn("the next second", { event: "refused", gate: "deny" });
  t.equal(records.at(-1)?.message, "the next second");
});
