/**
 * `framewire serve`: a server until a signal ends it.
 *
 * @module
 */
import { resolveCodec } from "../codec/lend.ts";
import { formatAddress } from "../link/net_errors.ts";
import type { Server } from "../server/server.ts";
import type { Command, Context } from "./command.ts";
import { loadEntry } from "./entry.ts";
import { ExitCode } from "./failure.ts";
import { loadHandlers } from "./handlers.ts";
import { readEnv } from "./host.ts";
import { jsonLogger } from "./json_log.ts";
import { Rates } from "./rates.ts";
import { Reloads } from "./reload.ts";
import { readCall } from "./serve_options.ts";
import { usage } from "./serve_usage.ts";
import { type Lines, logListeners, type Note, noteDrain, stopLine } from "./server_log.ts";
import { onHangup, onSignals } from "./signals.ts";
import { plural } from "./size.ts";
import { openSessionStore } from "./session_store.ts";
import { StatsLog } from "./stats_log.ts";
import { StatusLine } from "./status_line.ts";

const FORCED_FLUSH_MS = 200;

/** The `serve` command. */
export const serveCommand: Command = { usage, run };

async function run(context: Context, args: readonly string[]): Promise<number> {
  const { host, out, err } = context;
  const call = await readCall(host, args);
  const { path, log, verbose, quiet, listen, sessionFile } = call;
  const { protocol, codec } = listen;
  const handlers = path !== undefined
    ? await loadHandlers(host, path, protocol)
    : protocol === "submit"
    ? { submit() {} }
    : {};
  const { serve } = await loadEntry();

  let { own } = call;
  let shutdown = () => {};
  let status: StatusLine | undefined;
  let stopping = false;
  const above = (print: () => void) => status === undefined ? print() : status.above(print);
  const lines: Lines = quiet ? { info() {}, error() {} } : {
    info: (line) => above(() => out.line(line)),
    error: (line) => above(() => err.line(line)),
  };
  const logger = jsonLogger((line) => lines.info(line), verbose);
  const note: Note = (level, text, properties) =>
    log === "json"
      ? logger(["framewire", "server"])[level](text, properties)
      : lines[level === "info" ? "info" : "error"](text);
  let force!: () => void;
  const forced = new Promise<void>((resolve) => force = resolve);
  onSignals(host, (signal) => {
    stopping = true;
    if (verbose) note("info", `${signal}: shutting down; a second signal ends it at once`);
    status?.repaint();
    shutdown();
  }, force);

  const store = sessionFile === undefined ? undefined : openSessionStore(sessionFile);
  const server: Server = await serve(
    {
      ...listen,
      ...(store && { sessions: { ...listen.sessions, store } }),
      ...(verbose && { flightRecorder: true }),
      ...(!quiet &&
        (log === "json" ? { logger } : { on: logListeners(lines, verbose) })),
    },
    handlers as never,
  );
  const startedMs = performance.now();
  shutdown = () =>
    void server.shutdown({ deadlineMs: own.shutdownDeadlineMs, spreadMs: own.shutdownSpreadMs })
      .then((result) => noteDrain(note, result, verbose || log === "json"));
  for (const warning of call.warnings) note("warn", warning);
  const stats = new StatsLog(
    server,
    (text, figures) =>
      log === "json" ? logger(["framewire", "stats"]).info(text, figures) : lines.info(text),
  );
  stats.every(own.statsIntervalMs);
  if (call.hasFiles) {
    const reloads = new Reloads(server, call, note);
    onHangup(
      host,
      () =>
        void reloads.read(() => readCall(host, args)).then((again) => {
          if (again === undefined) return;
          own = again.own;
          stats.every(own.statsIntervalMs);
        }),
    );
  }
  if (stopping) shutdown(); // the signal came before there was a server
  const say = (line: string) => log === "text" && lines.info(line);
  const where = server.addrs.map(({ hostname, port, url }) =>
    listen.listen === undefined ? formatAddress(hostname, port) : url
  );
  say(`listening on ${where.join(", ")} (${protocol}, ${resolveCodec(codec)})`);
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
  stats.every(undefined);
  const figures = server.stats();
  const seconds = (performance.now() - startedMs) / 1000;
  if (!done) {
    note("warn", `forced to end with ${plural(figures.connections.open, "connection")} open`);
    // Perhaps nobody reads what is written: the end does not wait for that.
    await Promise.race([
      Promise.all([out.flush(), err.flush()]),
      new Promise((resolve) => setTimeout(resolve, FORCED_FLUSH_MS)),
    ]);
    host.exit(ExitCode.FAILED);
  }
  store?.close();
  say(stopLine(figures, seconds));
  return ExitCode.OK;
}
