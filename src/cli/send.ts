/**
 * `framewire send`: payloads to a server, and what it answers.
 *
 * @module
 */
import type { Client } from "../client/client.ts";
import type { Connect } from "../client/connect.ts";
import type { ReconnectingClient } from "../client/status.ts";
import { parseUrl } from "../client/url.ts";
import { isFramewireError } from "../errors.ts";
import { formatAddress } from "../link/net_errors.ts";
import { ECHO_HEADER_BYTES } from "../protocol/echo/header.ts";
import { SUBMIT_HEADER_BYTES } from "../protocol/submit/commands.ts";
import { CLIENT_DEFAULTS } from "../options/client.ts";
import type { Command, Context } from "./command.ts";
import { DIAL_FLAGS, readDial } from "./dial.ts";
import { loadEntry } from "./entry.ts";
import { CommandError, ExitCode, oneLine, UsageError } from "./failure.ts";
import { readLines } from "./lines.ts";
import { InFlight, Pace } from "./pace.ts";
import { SendReport } from "./send_report.ts";
import { onSignals } from "./signals.ts";
import { type CommandUsage, type OptionTable, readArgs } from "./usage.ts";
import { readChoice, readInteger, readPositive, readSize } from "./values.ts";

const OPTIONS = {
  to: { short: "t", value: "HOST:PORT", help: "the server (default tcp://127.0.0.1:8888)" },
  protocol: { value: "NAME", help: "submit or echo (default submit)" },
  count: { short: "n", value: "N", help: "send each payload N times (default 1)" },
  rate: { short: "r", value: "R", help: "send at most R a second (default: as fast as it goes)" },
  retry: { help: "wait for the server, connect again, send again what has not left" },
  session: { help: "--retry in a session: what is unanswered is sent again, and handled once" },
  "max-frame": { value: "SIZE", help: "the longest frame, such as 64k or 1M (default 1M)" },
  quiet: { short: "q", help: "print the summary alone" },
  ...DIAL_FLAGS,
} as const satisfies OptionTable;

const usage: CommandUsage<typeof OPTIONS> = {
  name: "send",
  summary: "Send payloads to a server and wait for its answers",
  operands: "[payload…]",
  details: `Without payloads, each line of standard input is one. A payload that begins with
- comes after --.
Prints each answer with its time, and a summary; fails when one did. What is
certain of a payload that failed stands behind it: not-sent, or unknown when it
may have arrived; --retry sends the first kind again, never the second. With
--session, which the server must have, both kinds are sent again, and each
payload is handled once. TIME is 500ms, 30s, or milliseconds; --timeout is 10s
unless it is given.`,
  options: OPTIONS,
  examples: [
    ["framewire send hello world", "two payloads to 127.0.0.1:8888"],
    ["framewire send --to db:9000 < payloads.txt", "a payload a line"],
    ["framewire send --to db:9000 --retry --timeout 1m < a.txt", "outlive a restart of the server"],
    ["framewire send x --tls --tls-ca ca.pem --token-file token", "over TLS, as somebody known"],
    ["framewire send ping -n 1000 -r 50 -q", "50 a second for 20 seconds"],
  ],
};

/** Bounds of what is under way at once. */
const MOST_IN_FLIGHT = 1024;
const MOST_IN_FLIGHT_BYTES = 4 << 20;

/** A signal that never aborts. */
const NEVER = new AbortController().signal;

/** The `send` command. */
export const sendCommand: Command = { usage, run };

/** What the arguments ask for. */
async function readOptions(args: readonly string[], warn: (line: string) => void) {
  const { given, operands } = readArgs(usage, args);
  const protocol = readChoice("protocol", given.protocol ?? "submit", ["submit", "echo"]);
  const dial = await readDial(given, "--to", given.to ?? "127.0.0.1:8888", warn);
  const needs = dial.token !== undefined ? "token" : given.session ? "session" : undefined;
  if (protocol === "echo" && needs !== undefined) {
    throw new UsageError(`--${needs} needs the protocol submit: its hello has it`);
  }
  return {
    dial,
    operands,
    protocol,
    retry: given.retry ?? given.session ?? false,
    session: given.session ?? false,
    quiet: given.quiet ?? false,
    count: readInteger("count", given.count ?? "1", 1, Infinity),
    rate: given.rate === undefined ? Infinity : readPositive("rate", given.rate, "50 or 0.5"),
    maxFrameBytes: readSize("max-frame", given["max-frame"] ?? "1M", 64, 64 << 20),
  };
}

async function run({ host, out, err }: Context, args: readonly string[]): Promise<number> {
  const options = await readOptions(args, (line) => err.line(line));
  const { connect } = await loadEntry();
  const stopping = new AbortController();
  const stop = stopping.signal;
  onSignals(host, () => stopping.abort(), () => host.exit(ExitCode.FAILED));
  out.closed.addEventListener("abort", () => stopping.abort());

  const { client, call } = await open(connect, options, stop);
  void client.closed.then(() => stopping.abort());
  if (options.retry && !options.quiet) {
    (client as ReconnectingClient).on("status", ({ status, error, retryInMs = 0 }) => {
      if (status === "up") err.line("connected again");
      else if (error !== undefined) {
        err.line(`${oneLine(error.message)}; the next attempt is in ${Math.ceil(retryInMs)} ms`);
      }
    });
  }
  if (options.operands.length === 0 && host.stdin.isTerminal()) {
    err.line("reading payloads from the terminal, one a line; Ctrl-D ends");
  }
  const header = options.protocol === "submit" ? SUBMIT_HEADER_BYTES : ECHO_HEADER_BYTES;
  const payloads = options.operands.length > 0
    ? options.operands.map((text) => new TextEncoder().encode(text))
    : readLines(host.stdin.readable, options.maxFrameBytes - header, stop);

  const report = new SendReport(out, options.quiet);
  const inFlight = new InFlight(MOST_IN_FLIGHT, MOST_IN_FLIGHT_BYTES);
  const pace = new Pace(options.rate);
  const startedMs = performance.now();
  let number = 0;
  let givenUp = false;
  const sendOne = async (number: number, payload: Uint8Array): Promise<void> => {
    inFlight.begin(payload.length);
    const sentMs = performance.now();
    try {
      await call(payload);
      report.succeeded(number, performance.now() - sentMs);
    } catch (error) {
      if (!givenUp) report.broke(number, performance.now() - sentMs, error);
    } finally {
      inFlight.end(payload.length);
    }
  };
  /** Whether it may go on: nobody has stopped it, and the connection stands. */
  const goesOn = () => !stop.aborted && client.open;
  let unreadable: unknown;
  try {
    for await (const payload of payloads) {
      for (let i = 0; i < options.count && goesOn(); i++) {
        await inFlight.room(payload.length, stop);
        await pace.turn(stop);
        await out.room();
        if (goesOn()) void sendOne(++number, payload);
      }
      if (!goesOn()) break;
    }
  } catch (error) {
    unreadable = error;
  }
  const complete = goesOn() && unreadable === undefined;
  await inFlight.empty(stop);
  const lost = !client.open;
  if (lost) await inFlight.empty(NEVER); // they are failing now
  const seconds = (performance.now() - startedMs) / 1000;
  const unanswered = inFlight.count;
  givenUp = true;
  await client.close({ deadlineMs: 0 });
  report.summary(unanswered, seconds);
  if (unreadable !== undefined) throw unreadable;
  const failed = !complete || unanswered > 0 || report.failed > 0;
  if (lost && failed) throw new CommandError(oneLine((await client.closed).message));
  return failed ? ExitCode.FAILED : ExitCode.OK;
}

/** Connects; `call` sends one payload and settles with its answer. */
async function open(
  connect: Connect,
  { dial, protocol, retry, session, maxFrameBytes }: Awaited<ReturnType<typeof readOptions>>,
  signal: AbortSignal,
): Promise<{ client: Client; call: (payload: Uint8Array) => Promise<void> }> {
  const { url, tls, token, timeoutMs } = dial;
  const tooLate = new AbortController();
  const timer = setTimeout(() => tooLate.abort(), timeoutMs ?? CLIENT_DEFAULTS.requestTimeoutMs);
  const options = {
    maxFrameBytes,
    signal: retry ? AbortSignal.any([signal, tooLate.signal]) : signal,
    ...(timeoutMs !== undefined && { requestTimeoutMs: timeoutMs, connectTimeoutMs: timeoutMs }),
    ...(tls && { tls }),
    reconnect: retry,
    firstConnect: retry ? "wait" : "fail",
  } as const;
  try {
    if (protocol === "submit") {
      // A server that is known to know the hello says when it goes away: nothing is lost then.
      const hello = token !== undefined ? "required" : retry ? "auto" : "off";
      const auth = token === undefined ? {} : { token };
      const client = session
        ? await connect(url, { ...options, ...auth, session: true })
        : await connect(url, { ...options, ...auth, hello });
      return { client, call: (payload) => client.submit(payload) };
    }
    const client = await connect(url, { ...options, protocol: "echo" });
    return {
      client,
      call: async (payload) => {
        const back = await client.echo(payload);
        if (!same(payload, back)) throw new Error("the echo differs from what was sent");
      },
    };
  } catch (error) {
    if (signal.aborted) throw new CommandError("stopped before the connection stood");
    const { hostname, port, unixPath } = parseUrl(url);
    if (tooLate.signal.aborted) {
      throw new CommandError(
        `no connection to ${formatAddress(hostname, port)} could be made in time (--timeout)`,
      );
    }
    if (!isFramewireError(error, "CONNECTION_REFUSED") || unixPath !== undefined) throw error;
    throw new CommandError(
      `cannot connect to ${formatAddress(hostname, port)}: nothing listens there; start a server ` +
        `(framewire serve --port ${port}), or name another with --to`,
    );
  } finally {
    clearTimeout(timer);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
