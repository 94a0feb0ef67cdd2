/** Rules about the project's own text: what no file may hold, and what the lint rules refuse. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";

const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: path("."), encoding: "utf8" })
  .split("\0").filter((file) => file !== "" && !file.endsWith(".wasm"));

/** The tracked files whose text matches. */
function holding(pattern: RegExp, of: readonly string[] = tracked): string[] {
  return of.filter((file) => pattern.test(readFileSync(path(file), "utf8")));
}

t.test("no file holds a path of the machine it was written on", (t) => {
  // Written in pieces, for this file is searched too.
  const folders = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/[a-z]", "/Us" + "ers/[a-z]"];
  t.strictSame(holding(new RegExp(`(^|[\\s"'\`(=])(${folders.join("|")})`, "m")), []);
  t.end();
});

t.test("no file names a package registry's host", (t) => {
  t.strictSame(
    holding(new RegExp("registry\\." + "npmjs|npm\\." + 'jsr\\.io|://[^\\s"]*' + "verdaccio")),
    [],
  );
  t.end();
});

t.test("nothing is left to do in the sources", (t) => {
  const sources = tracked.filter((file) => /^(src|mod\.ts|codec-wasm|tools|bench)/.test(file));
  t.strictSame(holding(new RegExp("\\b(TO" + "DO|FIX" + "ME|X" + "XX)\\b"), sources), []);
  t.end();
});

t.test("a file is one idea: none in src/ is over 400 lines", (t) => {
  const long = tracked.filter((file) => file.startsWith("src/"))
    .filter((file) => readFileSync(path(file), "utf8").split("\n").length > 400);
  t.strictSame(long, []);
  t.end();
});

t.test("deno lint refuses a runtime's name in the core, and only there", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "framewire-lint-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const cases: Record<string, string> = {
    global: "export const cwd: string = Deno.cwd();\n",
    module: 'import { connect } from "node:net";\nexport { connect };\n',
    console: 'console.log("hello");\n',
  };
  const lint = (room: string, text: string) => {
    mkdirSync(join(folder, "src", room), { recursive: true });
    const file = join(folder, "src", room, "example.ts");
    writeFileSync(file, text);
    const [command, ...args] = denoCommand();
    const { status, stderr } = spawnSync(
      command,
      [...args, "lint", "--config", path("deno.json"), file],
      { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    return { status, rule: /error\[(framewire\/[a-z-]+)\]/.exec(stderr)?.[1] };
  };
  t.strictSame(lint("server", cases.global ?? ""), {
    status: 1,
    rule: "framewire/core-names-no-runtime",
  });
  t.strictSame(lint("client", cases.module ?? ""), {
    status: 1,
    rule: "framewire/core-names-no-runtime",
  });
  t.strictSame(lint("server", cases.console ?? ""), {
    status: 1,
    rule: "framewire/no-console-in-core",
  });
  for (const room of ["link", "entry", "cli"]) {
    for (const text of Object.values(cases)) t.equal(lint(room, text).status, 0, room);
  }
  t.end();
});
