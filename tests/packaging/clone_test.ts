/** A clone serves as it is: nothing is installed, and nothing is loaded from anywhere. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { onDeno, posix, Running } from "../cli/command.ts";
import { path } from "../helpers/root.ts";
import { emptyFolder, offlineDeno, shell } from "./served.ts";

const skip = onDeno ? "once is enough: it is Deno that runs" : posix.skip;

/** What a clone has, with what has not been committed yet. */
function clone(folder: string): void {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { cwd: path("."), encoding: "utf8" });
  for (const file of files.split("\0").filter((file) => file !== "" && existsSync(path(file)))) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(path(file), join(folder, file));
  }
}

t.test("deno run -A mod.ts serve works in a clone without node_modules", { skip }, async (t) => {
  const cwd = emptyFolder(t);
  clone(cwd);
  const env = offlineDeno(t);
  const line = "exec deno run -A mod.ts serve --port 0"; // `exec`, so that signals reach it
  const running = new Running("sh", ["-c", line], { cwd, env }).endWith(t);
  const [, port] = await running.wrote("stdout", /^listening on 127\.0\.0\.1:(\d+) /m);
  const ping = await shell(t, `deno run -A mod.ts ping 127.0.0.1:${port} --count 3`, { cwd, env });
  t.equal(ping.code, 0, ping.printed);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  t.equal(code, 0, stderr);
  t.notOk(existsSync(join(cwd, "node_modules")), "nothing was installed");
  t.notOk(existsSync(join(cwd, "deno.lock")));
});
