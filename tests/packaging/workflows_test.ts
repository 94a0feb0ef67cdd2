/** What runs where a change or a release is pushed: it names nothing that is not there. */

import { existsSync, readdirSync } from "node:fs";
import t from "tap";
import { parse } from "yaml";
import { path, read, readJson } from "../helpers/root.ts";

interface Job {
  readonly steps?: readonly {
    readonly run?: string;
    readonly uses?: string;
    readonly "working-directory"?: string;
  }[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> };
}

const folder = ".github/workflows";
const jobs = readdirSync(path(folder)).flatMap((file) => {
  const { jobs } = parse(read(`${folder}/${file}`)) as { jobs: Readonly<Record<string, Job>> };
  return Object.entries(jobs).map(([name, job]) => ({ name: `${file} ${name}`, ...job }));
});
const lines = jobs.flatMap(({ name, steps = [] }) =>
  steps.flatMap(({ run }) => run === undefined ? [] : [{ name, run }])
);
const npm = readJson<{
  scripts: Readonly<Record<string, string>>;
  publishConfig: unknown;
  repository?: unknown;
}>("package.json");

t.test("what the workflows run is there", (t) => {
  t.ok(lines.length > 8);
  for (const { name, run } of lines) {
    for (const [, file] of run.matchAll(/(?:^|&& )(?:node|bash) ([\w./]+)/g)) {
      t.ok(existsSync(path(file!)), `${name}: ${file}`);
    }
    for (const [, script] of run.matchAll(/npm run (\w+)/g)) {
      t.ok(script! in npm.scripts, `${name}: npm run ${script}`);
    }
  }
  t.end();
});

t.test("the tests run on each Node that is supported, on Deno, and on three systems", (t) => {
  const { matrix } = jobs.find(({ name }) => name === "ci.yml test")!.strategy!;
  t.strictSame(matrix.os, ["ubuntu-latest", "macos-latest", "windows-latest"]);
  const runtimes = matrix.runtime as { name: string; node: number }[];
  const nodes = runtimes.filter(({ name }) => name === "node").map(({ node }) => node);
  t.strictSame(nodes, [20, 22, 24, 26]);
  t.ok(runtimes.some(({ name }) => name === "deno"));
  t.end();
});

t.test("who publishes proves by an identity who it is; nobody else has one, or a secret", (t) => {
  const publishers = jobs.filter(({ steps = [] }) =>
    steps.some(({ run }) => /publish$/.test(run ?? ""))
  );
  t.strictSame(publishers.map(({ name }) => name), ["release.yml npm", "release.yml jsr"]);
  for (const { name, permissions } of jobs) {
    const publishes = publishers.some((publisher) => publisher.name === name);
    t.equal(permissions?.["id-token"], publishes ? "write" : undefined, name);
  }
  for (const file of readdirSync(path(folder))) t.notMatch(read(`${folder}/${file}`), /secrets\./);
  t.strictSame(npm.publishConfig, { access: "public", provenance: true });
  t.end();
});

t.test("JSR is given what was built, not the sources", (t) => {
  const { steps = [] } = jobs.find(({ name }) => name === "release.yml jsr")!;
  const [build, publish] = steps.slice(-2);
  t.equal(build?.run, "node tools/build_jsr.mjs");
  t.match(publish, { run: /deno publish$/, "working-directory": "dist/jsr" });
  t.end();
});
