/** What the documents show runs as it stands, on the runtime this test runs on. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { transform } from "esbuild";
import t from "tap";
import { type Snippet, snippets } from "../helpers/snippets.ts";
import { path, read } from "../helpers/root.ts";

const onDeno = "Deno" in globalThis;

/** Inside the project, so that "framewire" is the package itself. */
const folder = ".test-build/snippets";
mkdirSync(path(folder), { recursive: true });

/** A program shown to be run: it names the package it loads. */
function isProgram(snippet: Snippet): boolean {
  return /^(ts|js)$/.test(snippet.language) && /^(import .*|}) from "framewire/m.test(snippet.text);
}

function run(
  name: string,
  text: string,
): { status: number | null; stdout: string; stderr: string } {
  const file = path(`${folder}/${name}.${onDeno ? "deno.ts" : "mjs"}`);
  writeFileSync(file, text);
  const args = onDeno ? ["run", "-A", "--no-check", file] : [file];
  return spawnSync(process.execPath, args, {
    cwd: path("."),
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, NO_COLOR: "1" },
  });
}

const readme = snippets("README.md");

/** The Markdown files of docs/ and of the folders in it. */
function documents(): string[] {
  const files = readdirSync(path("docs"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`);
}

t.test("the README's first program is a server and a client in 15 lines", (t) => {
  const first = readme.find(isProgram);
  t.ok(first !== undefined);
  t.ok((first?.text.trimEnd().split("\n").length ?? 99) <= 15, "15 lines at most");
  const { status, stdout, stderr } = run("readme_first", first?.text ?? "");
  t.equal(status, 0, stderr);
  t.match(stdout, /hello/, "the handler printed what the client sent");
  t.end();
});

t.test("every program in the documents runs", async (t) => {
  const guides = documents().flatMap(snippets);
  const programs = [...readme.slice(readme.findIndex(isProgram) + 1), ...guides].filter(isProgram);
  for (const { text, at } of programs) {
    // Types and `await using` are stripped or lowered for Node 20, as a user's own build would.
    const code = onDeno
      ? text
      : (await transform(text, { loader: "ts", format: "esm", target: "node20.19" })).code;
    const { status, stdout, stderr } = run(at.replaceAll(/\W/g, "_"), code);
    t.equal(status, 0, `${at} ends well: ${stdout}${stderr}`);
  }
});

t.test("the README has both set-up lines, and they need nothing but Node and npm", (t) => {
  const lines = readme.filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.split("\n"));
  t.ok(lines.some((line) => line.startsWith("npm ci && npm run serve")), "set up and serve");
  t.ok(lines.some((line) => line.startsWith("npm ci && npm test")), "set up and test");
  t.end();
});

t.test("the documents' relative links lead to files", (t) => {
  for (const file of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...documents()]) {
    const folder = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "";
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      t.ok(existsSync(path(`${folder}${target}`)), `${file} links to ${target}`);
    }
  }
  t.end();
});
