/** The tables in the documents say what the code does. */

import process from "node:process";
import t from "tap";
import { ERROR_CODES } from "../../src/errors.ts";
import { browserCapabilities } from "../../src/link/browser_web_socket.ts";
import { bunCapabilities } from "../../src/link/bun_capabilities.ts";
import type { Capabilities } from "../../src/link/capabilities.ts";
import { denoCapabilities } from "../../src/link/deno_capabilities.ts";
import { nodeCapabilities } from "../../src/link/node_capabilities.ts";
import { workerdCapabilities } from "../../src/link/workerd.ts";
import { SERVER, SERVER_DEFAULTS } from "../../src/options/server.ts";
import type { OptionSpec } from "../../src/options/spec.ts";
import { read } from "../helpers/root.ts";

/** Options that are off, or found by themselves, when they are not given. */
const WITHOUT_DEFAULT = {
  acceptRatePerIp: "",
  tls: "",
  listen: "",
  webSocket: "",
  signal: "",
  logger: "",
  writeLowWaterBytes: "",
  allow: "",
  deny: "",
  proxyProtocol: "",
  rate: "",
  sessions: "",
  packetsBeforeAuth: "",
};

/** The rows of all tables in a document's section, each a list of its cells. */
function rows(file: string, heading: string): string[][] {
  const [, section = ""] = read(file).split(`\n${heading}\n`);
  return section.split(/^#/m)[0]!.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

t.test("docs/PROTOCOL.md lists every error code and its meaning, and no other", (t) => {
  const listed = rows("docs/PROTOCOL.md", "## 3. Errors").slice(2)
    .map(([code = "", meaning = ""]) => [code.replaceAll("`", ""), meaning]);
  t.strictSame(Object.fromEntries(listed), { ...ERROR_CODES });
  t.end();
});

t.test("the README names only error codes that exist", (t) => {
  const named = rows("README.md", "### Errors").slice(2)
    .flatMap(([codes = ""]) => [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code!));
  t.ok(named.length > 5);
  t.strictSame(named.filter((code) => !(code in ERROR_CODES)), []);
  t.end();
});

t.test("the README lists every server option with its default", (t) => {
  const listed = rows("README.md", "### Server").slice(2)
    .map(([name = "", value = ""]) => [name, value].map((cell) => cell.replaceAll(/[`",]/g, "")));
  const expected = Object.entries({ ...WITHOUT_DEFAULT, protocol: "submit", ...SERVER_DEFAULTS })
    .map(([name, value]) => [name, String(value)]);
  t.strictSame(listed.sort(), expected.sort());
  t.end();
});

t.test("the guide to runtimes says what capabilities() does", (t) => {
  const columns: readonly Capabilities[] = [
    denoCapabilities,
    nodeCapabilities(),
    bunCapabilities,
    workerdCapabilities,
    browserCapabilities,
  ];
  const [head = [], , ...body] = rows("docs/guides/runtimes.md", "## What each can do");
  t.strictSame(head.slice(1), ["Deno", "Node", "Bun", "workerd", "a browser"]);
  const names = body.map(([name = ""]) => name.replaceAll("`", ""));
  t.strictSame([...names].sort(), namesOf(denoCapabilities));
  for (const [name = "", ...cells] of body) {
    const key = name.replaceAll("`", "") as keyof Capabilities;
    for (const [i, capabilities] of columns.entries()) {
      const value = capabilities[key];
      const cell = cells[i]!;
      // What is neither yes nor no depends on the version or on the system.
      if (cell === "yes" || cell === "no") t.equal(value, cell === "yes", `${name} ${head[i + 1]}`);
      else if (Array.isArray(value) && !value.includes("unix") && cell.includes("unix")) {
        t.equal(process.platform, "win32", `${name} ${head[i + 1]}: ${value}`);
      } else if (Array.isArray(value)) {
        t.strictSame(cell === "–" ? [] : cell.split(", "), value, `${name} ${head[i + 1]}`);
      } else t.match(cell, /Linux|newer|date/);
    }
  }
  t.end();
});

function namesOf({ runtime: _, ...others }: Capabilities): string[] {
  return Object.keys(others).sort();
}

const specs = Object.entries(SERVER as unknown as Readonly<Record<string, OptionSpec<unknown>>>);

t.test("the operations guide lists what can change while a server runs, and nothing else", (t) => {
  const listed = rows("docs/guides/operations.md", "## Changes without a restart").slice(2)
    .flatMap(([names = ""]) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  const live = specs.filter(([, { live }]) => live).map(([name]) => name);
  t.strictSame(listed.sort(), live.sort());
  t.end();
});

t.test("every option's description has its default, its range and its unit", (t) => {
  const files = [
    "admission",
    "common",
    "flow",
    "gates",
    "insight",
    "life",
    "listen",
    "server",
    "submit",
  ];
  const docs = new Map<string, string>();
  for (const file of files) {
    const found = read(`src/options/${file}.ts`)
      .matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\?:/g);
    for (const [, doc = "", name = ""] of found) {
      if (!docs.has(name)) docs.set(name, doc.replaceAll(/\s*\n\s*\* ?/g, " "));
    }
  }
  let numbers = 0;
  for (const [name, { default: standard, schema }] of specs) {
    const doc = docs.get(name) ?? "";
    if (typeof standard !== "number" && typeof standard !== "boolean") continue;
    const [, said] = /@default \{?([\w.]+)/.exec(doc) ?? [];
    t.equal(said, String(standard), `${name} has its default`);
    const { type, minimum, maximum } = schema as Record<string, number | string>;
    if (type !== "integer") continue;
    numbers++;
    const words = doc.replaceAll(",", "");
    const bounds = [minimum as number, maximum as number];
    for (const bound of bounds) t.ok(names(words, bound), `${name} has its bound ${bound}`);
    if (name.endsWith("Ms")) t.match(doc, /millisecond/, name);
    if (/Bytes$|Bytes[A-Z]/.test(name)) t.match(doc, /bytes/, name);
  }
  t.ok(numbers > 20);
  t.end();
});

/** Whether a text names a number, as it is or with a unit of bytes. */
function names(text: string, number: number): boolean {
  const units = ["KiB", "MiB", "GiB", "TiB"].map((unit, i) =>
    `${number / 1024 ** (i + 1)} ${unit}`
  );
  return [String(number), ...units].some((word) =>
    new RegExp(`(?<![\\w.])${word.replace(".", "\\.")}(?![\\w])`).test(text)
  );
}
