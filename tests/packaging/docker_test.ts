/** The Dockerfile and the Compose file, as far as they can be tried without Docker. */

import { DCLinter } from "dclint";
import { validate, ValidationSeverity } from "dockerfile-utils";
import { cpSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { onDeno, posix, Running } from "../cli/command.ts";
import { path, read, readJson } from "../helpers/root.ts";
import { type Dockerfile, readDockerfile } from "./dockerfile.ts";
import { emptyFolder, offlineDeno, shell } from "./served.ts";

const docker = readDockerfile();

t.test("a linter finds nothing in the Dockerfile", (t) => {
  const { ERROR } = ValidationSeverity;
  const found = validate(read("Dockerfile"), {
    deprecatedMaintainer: ERROR,
    directiveCasing: ERROR,
    emptyContinuationLine: ERROR,
    instructionCasing: ERROR,
    instructionCmdMultiple: ERROR,
    instructionEntrypointMultiple: ERROR,
    instructionHealthcheckMultiple: ERROR,
    instructionJSONInSingleQuotes: ERROR,
    instructionWorkdirRelative: ERROR,
  });
  t.strictSame(found.map(({ message, range }) => `${range.start.line + 1}: ${message}`), []);
  t.end();
});

t.test("the image has the Deno of the lock file, and another user than root", (t) => {
  const { devDependencies } = readJson<{ devDependencies: Record<string, string> }>("package.json");
  t.equal(docker.from, `denoland/deno:${devDependencies.deno}`);
  t.equal(docker.user, "deno");
  t.end();
});

t.test("what the Dockerfile copies, and nothing else, is sent to Docker", (t) => {
  const lines = read(".dockerignore").split("\n").filter((line) => !/^(#.*)?$/.test(line));
  t.equal(lines[0], "*");
  const sources = docker.copies.flatMap(({ sources }) => sources);
  t.strictSame(
    lines.slice(1).sort(),
    sources.map((source) => `!${source.replace(/\/$/, "")}`).sort(),
  );
  t.end();
});

t.test("a linter finds nothing in compose.yaml, and it is the image's port", (t) => {
  const linter = new DCLinter({
    rules: { "require-quotes-in-ports": [2, { quoteType: "double" }] },
    quiet: false,
    debug: false,
    exclude: [],
  });
  const found = linter.lintFiles([path("compose.yaml")], false);
  t.strictSame(found.flatMap(({ messages }) => messages), []);
  const { services } = parse(read("compose.yaml")) as {
    services: { framewire: { build: string; ports: string[]; environment: object } };
  };
  t.equal(services.framewire.build, ".");
  t.match(services.framewire.ports[0], new RegExp(`:${docker.env.FRAMEWIRE_PORT}$`));
  t.end();
});

/** Does what COPY does, into the folder that stands for the image. */
function copy({ copies }: Dockerfile, image: string): void {
  for (const { sources, to } of copies) {
    for (const source of sources) {
      const from = path(source);
      const target = statSync(from).isDirectory()
        ? join(image, to)
        : to.endsWith("/")
        ? join(image, to, basename(source))
        : join(image, to);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(from, target, { recursive: true });
    }
  }
}

const skip = onDeno ? "once is enough: it is Deno that runs" : posix.skip;

t.test("the image's line serves, its health check pings, SIGTERM ends it", { skip }, async (t) => {
  const cwd = emptyFolder(t);
  copy(docker, cwd);
  const offline = { ...offlineDeno(t), ...docker.env };
  for (const line of docker.runs) {
    const { code, printed } = await shell(t, line, { cwd, env: offline });
    t.equal(code, 0, `${line}: ${printed}`);
  }
  const [command, ...args] = [...docker.entrypoint, ...docker.cmd];
  t.equal([command, ...args].join(" "), "deno run -A mod.ts serve", "the line of a clone");
  // Not what a container has: other tests use ports too, and nobody else shall reach this server.
  const env = { ...offline, FRAMEWIRE_HOSTNAME: "127.0.0.1", FRAMEWIRE_PORT: "0" };
  const running = new Running(command!, args, { cwd, env }).endWith(t);
  const [, port = ""] = await running.wrote("stdout", /^listening on 127\.0\.0\.1:(\d+) /m);
  const check = (port: string) =>
    shell(t, docker.healthcheck, {
      cwd,
      env: { ...env, FRAMEWIRE_PORT: port },
    });
  const well = await check(port);
  t.equal(well.code, 0, well.printed);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  t.equal(code, 0, stderr);
  const unwell = await check(port);
  t.equal(unwell.code, 1, "nobody answers any more");
});
