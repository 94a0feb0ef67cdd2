/**
 * `framewire serve`: a server until a signal ends it.
 *
 * @module
 */
import { resolveCodec } from "../codec/lend.ts";
import { formatAddress } from "../link/net_errors.ts";
import { SERVER_DEFAULTS } from "../options/server.ts";
import type { Server } from "../server/server.ts";
import type { Command, Context } from "./command.ts";
import { loadEntry } from "./entry.ts";
import { describeFailure, ExitCode, UsageError } from "./failure.ts";
import { loadHandlers } from "./handlers.ts";
import { type Host, readEnv } from "./host.ts";
import { jsonLogger } from "./json_log.ts";
import { Rates } from "./rates.ts";
import { type Lines, logListeners, stopLine } from "./server_log.ts";
import { readSettings, SETTING_FLAGS } from "./settings.ts";
import { reload } from "./reload.ts";
import { onHangup, onSignals } from "./signals.ts";
import { plural } from "./size.ts";
import { StatusLine } from "./status_line.ts";
import { type CommandUsage, type OptionTable, readArgs } from "./usage.ts";
import { readChoice, readInteger, readSize } from "./values.ts";

const OPTIONS = {
  hostname: { value: "HOST", help: "where to listen; :: is IPv6 and IPv4 (default 127.0.0.1)" },
  port: { short: "p", value: "PORT", help: "the port; 0 picks a free one (default 8888)" },
  protocol: { value: "NAME", help: "submit or echo (default submit)" },
  codec: { value: "NAME", help: "auto, wasm or ts (default auto)" },
  "max-frame": { value: "SIZE", help: "the longest frame, such as 64k or 1M (default 1M)" },
  config: { value: "FILE", help: "a file of options, in JSON; flags and the environment win" },
  log: { value: "text|json", help: "how to log (default text)" },
  verbose: { short: "v", help: "log connections, disconnections and all errors" },
  quiet: { short: "q", help: "log nothing, not even errors" },
} as const satisfies OptionTable;

const ALL_OPTIONS = { ...OPTIONS, ...SETTING_FLAGS } as typeof OPTIONS & OptionTable;

const usage: CommandUsage<typeof ALL_OPTIONS> = {
  name: "serve",
  summary: "Serve the submit or the echo protocol over TCP",
  operands: "[handlers.ts]",
  details: `The default export of handlers.ts is the handlers:
  submit  { submit(packet, conn) { … }, conn?(packet, conn) { … } }, or the submit function alone;
          what returns acknowledges its request, what throws fails it
  echo    { data?(packet, conn) { … } }
Without a module, submit acknowledges everything. SIGINT and SIGTERM let what was taken be answered
and end the server; a second one ends it at once.
Each option is also a variable: --idle-timeout is FRAMEWIRE_IDLE_TIMEOUT; and a key of the config file,
under the name that the list of server options tells. Sizes may end in k or M; lists are separated by commas.
SIGHUP reads the config file again; connections stay, and what needs a new start is named.`,
  options: ALL_OPTIONS,
  examples: [
    ["framewire serve", "acknowledge everything on 127.0.0.1:8888"],
    ["framewire serve handlers.ts --port 9000", "let handlers.ts decide"],
    [
      "framewire serve --config framewire.json --log json",
      "options from a file, logs for programs",
    ],
    ["framewire serve --protocol echo -v", "echo, and log who comes and goes"],
  ],
};

const FORCED_FLUSH_MS = 200;

/** The `serve` command. */
export const serveCommand: Command = { usage, run };

/** What the arguments ask for. */
async function readOptions(host: Host, args: readonly string[]) {
  const { given, operands } = readArgs(usage, args);
  if (operands.length > 1) {
    throw new UsageError(`expected one handlers module at most, and got ${operands.join(" ")}`);
  }
  if (given.hostname === "") throw new UsageError("--hostname must not be empty");
  const texts = given as Readonly<Record<string, string | true | undefined>>;
  const settings = await readSettings(host, texts, given.config);
  const own = SERVER_DEFAULTS;
  return {
    given,
    path: operands[0],
    log: readChoice("log", given.log ?? "text", ["text", "json"]),
    verbose: given.verbose ?? false,
    quiet: given.quiet ?? false,
    listen: {
      ...settings,
      hostname: given.hostname?.replace(/^\[(.*)\]$/, "$1") ?? settings.hostname ?? own.hostname,
      port: readInteger("port", given.port ?? `${settings.port ?? own.port}`, 0, 65_535),
      protocol: readChoice(
        "protocol",
        given.protocol ?? settings.protocol ?? "submit",
        ["submit", "echo"],
      ),
      codec: readChoice("codec", given.codec ?? settings.codec ?? own.codec, [
        "auto",
        "wasm",
        "ts",
      ]),
      maxFrameBytes: given["max-frame"] === undefined
        ? settings.maxFrameBytes ?? own.maxFrameBytes
        : readSize("max-frame", given["max-frame"], 64, 64 << 20),
    },
  };
}

async function run(context: Context, args: readonly string[]): Promise<number> {
  const { host, out, err } = context;
  const { given, path, log, verbose, quiet, listen } = await readOptions(host, args);
  const { protocol, codec } = listen;
  const handlers = path !== undefined
    ? await loadHandlers(host, path, protocol)
    : protocol === "submit"
    ? { submit() {} }
    : {};
  const { serve } = await loadEntry();

  let shutdown = () => {};
  let status: StatusLine | undefined;
  let stopping = false;
  const above = (print: () => void) => status === undefined ? print() : status.above(print);
  const lines: Lines = quiet ? { info() {}, error() {} } : {
    info: (line) => above(() => out.line(line)),
    error: (line) => above(() => err.line(line)),
  };
  let force!: () => void;
  const forced = new Promise<void>((resolve) => force = resolve);
  onSignals(host, (signal) => {
    stopping = true;
    if (verbose) lines.info(`${signal}: shutting down; a second signal ends it at once`);
    status?.repaint();
    shutdown();
  }, force);

  const logger = jsonLogger((line) => lines.info(line), verbose);
  const server: Server = await serve(
    {
      ...listen,
      ...(verbose && { flightRecorder: true }),
      ...(!quiet &&
        (log === "json" ? { logger } : { on: logListeners(lines, verbose) })),
    },
    handlers as never,
  );
  const startedMs = performance.now();
  shutdown = () =>
    void server.shutdown().then(({ completed, moved, cut }) => {
      if (cut.length > 0) {
        const owed = cut.reduce((sum, { owed }) => sum + owed, 0);
        lines.error(
          `cut ${plural(cut.length, "connection")} with ${plural(owed, "request")} unanswered`,
        );
      }
      if (verbose) lines.info(`${plural(completed, "connection")} completed, ${moved} moved`);
    });
  if (given.config !== undefined) {
    let options = listen;
    onHangup(host, async () => {
      const note = (text: string) =>
        log === "text" ? lines.info(text) : logger(["framewire", "server"]).info(text);
      try {
        const again = (await readOptions(host, args)).listen;
        const { changed, kept } = reload(server, options, again);
        options = {
          ...options,
          ...Object.fromEntries(Object.entries(again).filter(([name]) => changed.includes(name))),
        };
        note(`${given.config} read again; changed: ${changed.join(", ") || "nothing"}`);
        if (kept.length > 0) note(`a new start is needed to change ${kept.join(", ")}`);
      } catch (error) {
        note(`nothing is changed: ${describeFailure(error)}`);
      }
    });
  }
  if (stopping) shutdown(); // the signal came before there was a server
  const { hostname, port } = server.addr;
  const say = (line: string) => log === "text" && lines.info(line);
  say(
    `listening on ${formatAddress(hostname, port)} (${protocol}, ${resolveCodec(codec)})`,
  );
  if (!quiet && log === "text" && out.terminal && readEnv(host, "TERM") !== "dumb") {
    const rates = new Rates(server.stats(), startedMs);
    status = new StatusLine(host, out, () => {
      const line = rates.line(server.stats(), performance.now());
      return stopping ? `stopping, again to force · ${line}` : line;
    });
    status.start();
  }

  const done = await Promise.race([server.finished.then(() => true), forced.then(() => false)]);
  status?.stop();
  const stats = server.stats();
  const seconds = (performance.now() - startedMs) / 1000;
  if (!done) {
    lines.error(`forced to end with ${plural(stats.connections.open, "connection")} open`);
    // Perhaps nobody reads what is written: the end does not wait for that.
    await Promise.race([
      Promise.all([out.flush(), err.flush()]),
      new Promise((resolve) => setTimeout(resolve, FORCED_FLUSH_MS)),
    ]);
    host.exit(ExitCode.FAILED);
  }
  say(stopLine(stats, seconds));
  return ExitCode.OK;
}
