/**
 * How `framewire serve` is called.
 *
 * @module
 */
import { SETTING_FLAGS } from "./settings.ts";
import type { CommandUsage, OptionTable, OptionUsage } from "./usage.ts";

type Valued = OptionUsage & { readonly value: string };
type Switch = Omit<OptionUsage, "value">;

/** Options that are the command's own, or are written in a way of their own. */
type OwnOptions =
  & Readonly<
    Record<"hostname" | "port" | "protocol" | "codec" | "max-frame" | "config" | "log", Valued>
  >
  & Readonly<Record<"verbose" | "quiet", Switch>>;

const OPTIONS: OwnOptions = {
  hostname: { value: "HOST", help: "where to listen; :: is IPv6 and IPv4 (default 127.0.0.1)" },
  port: { short: "p", value: "PORT", help: "the port; 0 picks a free one (default 8888)" },
  protocol: { value: "NAME", help: "submit or echo (default submit)" },
  codec: { value: "NAME", help: "auto, wasm or ts (default auto)" },
  "max-frame": { value: "SIZE", help: "the longest frame, such as 64k or 1M (default 1M)" },
  config: { value: "FILE", help: "a file of options, in JSON; flags and the environment win" },
  log: { value: "text|json", help: "how to log (default text)" },
  verbose: { short: "v", help: "log connections, disconnections and all errors" },
  quiet: { short: "q", help: "log nothing, not even errors" },
};

/** All options. */
type AllOptions = OwnOptions & OptionTable;

/** What `framewire serve --help` says. */
export const usage: CommandUsage<AllOptions> = {
  name: "serve",
  summary: "Serve the submit or the echo protocol over TCP",
  operands: "[handlers.ts]",
  details: `The default export of handlers.ts is the handlers:
  submit  { submit(packet, conn) { … }, conn?(packet, conn) { … } }, or the
          submit function alone; what returns acknowledges its request, what
          throws fails it
  echo    { data?(packet, conn) { … } }
Without a module, submit acknowledges everything.

SIGINT and SIGTERM let what was taken be answered and end the server; a second
one ends it at once. SIGHUP reads all files again: connections stay, and what
needs a new start is named.

Each option is also a variable: --idle-timeout is FRAMEWIRE_IDLE_TIMEOUT; and a
key of the config file, where it has the name that the library's options have.
TIME is 500ms, 30s, 5m, 1h, or milliseconds. SIZE may end in k, M or G, powers
of 1024. A LIST has commas, and its option may come several times. RATES are
SCOPE=N/s for requests and SCOPE=SIZEB/s for bytes, SCOPE one of connection, ip
and server; :BURST behind one is what may come at once. A line of --token-file
is a name and sha256:HASH or token:TOKEN; of --users-file, a name and what
hashPassword made.`,
  options: { ...OPTIONS, ...SETTING_FLAGS } as AllOptions,
  examples: [
    ["framewire serve", "acknowledge everything on 127.0.0.1:8888"],
    ["framewire serve handlers.ts --port 9000", "let handlers.ts decide"],
    [
      "framewire serve --config framewire.json --log json",
      "options from a file, logs for programs",
    ],
    [
      "framewire serve --tls-cert cert.pem --tls-key key.pem --token-file tokens",
      "TLS, and only for peers with a token",
    ],
    ["framewire serve --protocol echo -v", "echo, and log who comes and goes"],
  ],
};
