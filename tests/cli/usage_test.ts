/** What the command says about itself, and to those who call it wrongly. */

import { cpSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import t from "tap";
import { VERSION } from "../../src/version.ts";
import { path } from "../helpers/root.ts";
import { folderOf, onDeno, run, Running } from "./command.ts";

t.test("every level answers --help and --version", async (t) => {
  const [all, help, serve, send, short, asked] = await Promise.all([
    run(t, ["--help"]),
    run(t, ["help", "serve"]),
    run(t, ["serve", "--help"]),
    run(t, ["send", "--help"]),
    run(t, ["send", "--nonsense", "-h"]),
    run(t, ["send", "hello", "--version"]),
  ]);
  for (const { code, stderr } of [all, help, serve, send, short, asked]) {
    t.equal(code, 0);
    t.equal(stderr, "");
  }
  t.match(all.stdout, /framewire serve [^]*framewire send [^]*framewire ping/);
  for (
    const option of ["hostname", "port", "protocol", "codec", "max-frame", "verbose", "quiet"]
  ) t.match(serve.stdout, `--${option}`);
  t.equal(help.stdout, serve.stdout);
  for (const option of ["to", "count", "rate", "protocol"]) t.match(send.stdout, `--${option}`);
  t.equal(short.stdout, send.stdout);
  t.equal(asked.stdout, `framewire ${VERSION}\n`);
  t.equal((await run(t, ["--version"])).stdout, `framewire ${VERSION}\n`);
});

t.test("the help of every command fits a terminal of 80 columns, and tells of every option", async (t) => {
  for (const command of ["serve", "send", "ping"]) {
    const { stdout } = await run(t, [command, "--help"]);
    t.strictSame(stdout.split("\n").filter((line) => line.length > 80), [], command);
  }
  // An option without words of its own would be under this heading.
  t.notMatch((await run(t, ["serve", "--help"])).stdout, /^Server options:/m);
});

/** Calls that are wrong in themselves: the arguments, and what the one line must say. */
const WRONG: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [["serv"], /unknown command "serv"; did you mean serve\?/],
  [["--port", "1"], /the command comes first/],
  [["serve", "--prot", "submit"], /unknown option --prot; did you mean --protocol\?/],
  [["serve", "--verbsoe"], /unknown option --verbsoe; did you mean --verbose\?/],
  [["serve", "--zzz"], /unknown option --zzz \(framewire serve --help\)/],
  [["serve", "-x"], /unknown option -x/],
  [["serve", "--port"], /--port needs a value: --port PORT/],
  [["serve", "--port", "--verbose"], /--port needs a value: --port PORT/],
  [["serve", "--port", "80a"], /--port must be a whole number from 0 to 65535 and is "80a"/],
  [["serve", "--port", "65536"], /--port must be a whole number from 0 to 65535/],
  [["serve", "--port=-1"], /--port must be a whole number from 0 to 65535 and is "-1"/],
  [["serve", "--max-frame", "64x"], /--max-frame must be a size .* and is "64x"/],
  [["serve", "--max-frame", "1G"], /--max-frame must be a size from 64 B to 64.0 MiB/],
  [["serve", "--codec", "wsam"], /--codec must be auto or wasm or ts .*did you mean wasm\?/],
  [["serve", "--protocol", "http"], /--protocol must be submit or echo and is "http"/],
  [["serve", "--quiet=yes"], /--quiet takes no value/],
  [["serve", "--hostname="], /--hostname must not be empty/],
  [["serve", "a.ts", "b.ts"], /one handlers module at most/],
  [["send", "x", "--to", "nowhere"], /--to must be HOST:PORT or a URL/],
  [["send", "x", "--to", "http://a:1"], /--to must be HOST:PORT or a URL/],
  [["send", "x", "--count", "0"], /--count must be a whole number of at least 1/],
  [["send", "x", "--count", "1.5"], /--count must be a whole number of at least 1/],
  [["send", "x", "--rate", "0"], /--rate must be a number over 0, such as 50 or 0.5, and is "0"/],
  [["send", "x", "--rate", "fast"], /--rate must be a number over 0/],
  [["send", "x", "--timeout", "0"], /--timeout must be a time such as 500ms, .* and is "0"/],
  [["send", "x", "--timeout", "soon"], /--timeout must be a time such as 500ms, .* and is "soon"/],
  [["send", "x", "--tls-ca", "a"], /--tls-ca is for TLS: say --tls too, or write tls:\/\/ in --to/],
  [["send", "x", "--tls", "--tls-key", "a"], /--tls-cert and --tls-key belong together/],
  [["send", "x", "--tls", "--tls-ca", "/no/such"], /\/no\/such cannot be read/],
  [["send", "x", "--token", "a", "--token-file", "b"], /either --token or --token-file/],
  [["send", "x", "--token="], /the token is empty/],
  [["send", "x", "--protocol", "echo", "--token", "a"], /--token needs the protocol submit/],
  [["send", "x", "--protocol", "echo", "--session"], /--session needs the protocol submit/],
  [["ping"], /expected one address, HOST:PORT, and got none/],
  [["ping", "a:1", "b:1"], /expected one address, HOST:PORT, and got a:1 b:1/],
  [["ping", "nowhere"], /the address must be HOST:PORT .* and is "nowhere"/],
  [["ping", "a:1", "--interval", "-1"], /--interval must be a time/],
  [["ping", "a:1", "--count", "few"], /--count must be a whole number of at least 0/],
  [["ping", "a:1", "--protocol", "echo", "--token", "a"], /--token needs the protocol submit/],
  [["send", "--zzz"], /unknown option --zzz \(framewire send --help\)/],
];

t.test("a wrong call is answered by one line that says what to do, and by exit code 2", async (t) => {
  const calls = [...WRONG];
  const next = async (): Promise<void> => {
    for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
      const [args, says] = call;
      const { code, stdout, stderr } = await run(t, args);
      const name = args.join(" ");
      t.equal(code, 2, `${name}: exit code`);
      t.match(stderr, says, name);
      t.match(stderr, /^framewire[^\n]*: error: [^\n]+\n$/, `${name}: one line`);
      t.equal(stdout, "", `${name}: nothing on standard output`);
    }
  };
  await Promise.all([next(), next()]);
});

t.test("without a command it says what there is", async (t) => {
  const { code, stdout, stderr } = await run(t, []);
  t.equal(code, 2);
  t.equal(stdout, "");
  t.match(stderr, /framewire serve .*\n.*framewire send/);
});

t.test("a port that is taken is said so in one line", async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  const { code, stdout, stderr } = await run(t, ["serve", "--port", `${port}`]);
  t.equal(code, 1);
  t.equal(stdout, "");
  t.equal(
    stderr,
    `framewire serve: error: cannot listen on 127.0.0.1:${port}: another program already listens ` +
      "there; choose another port, or port 0\n",
  );
});

t.test("an address that is none of this machine's is said so in one line", async (t) => {
  const { code, stderr } = await run(t, ["serve", "--hostname", "192.0.2.1", "--port", "0"]);
  t.equal(code, 1);
  t.match(stderr, /^framewire serve: error: cannot listen on 192\.0\.2\.1:0: [^\n]+\n$/);
});

t.test("a server that cannot be reached is said so in one line", async (t) => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const { code, stdout, stderr } = await run(t, ["send", "x", "--to", `127.0.0.1:${port}`]);
  t.equal(code, 1);
  t.equal(stdout, "");
  t.match(
    stderr,
    /^framewire send: error: cannot connect to [^\n]+ nothing listens there; start [^\n]+\n$/,
  );
});

t.test("what goes into a pipe has no colors", async (t) => {
  const { stderr } = await run(t, ["serv"]);
  // deno-lint-ignore no-control-regex -- the escape is what is looked for
  t.notMatch(stderr, /\x1b/);
});

t.test("on Node, a package without the optional shim is told what it lacks", {
  skip: onDeno && "Deno needs no shim",
}, async (t) => {
  const folder = folderOf(t, { "package.json": '{ "type": "module" }' });
  cpSync(path("dist"), join(folder, "dist"), { recursive: true });
  const cli = join(folder, "dist", "cli.js");
  const { code, stdout, stderr } = await new Running(process.execPath, [cli, "--help"], {}).ended;
  t.equal(code, 1);
  t.equal(stdout, "");
  t.match(stderr, /^framewire: [^\n]* run npm install @deno\/shim-deno [^\n]*\n$/);
});
