// Writes schema/framewire.schema.json from the table of options: `deno run -A tools/config_schema.ts`.
// With `--check` it only tells whether the file is fresh.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { configSchema } from "../src/cli/settings.ts";

const file = new URL("../schema/framewire.schema.json", import.meta.url);
const OPTIONS = new URL("../src/options/", import.meta.url);

/** What the docstrings of options say, by the options' names: the server's win over the client's. */
function docstrings(): Map<string, string> {
  const texts = new Map<string, string>();
  const files = readdirSync(OPTIONS).filter((name) => !/^(client|reconnect|calls)\.ts$/.test(name))
    .map((name) => new URL(name, OPTIONS));
  for (const source of [...files, new URL("../src/cli/file_settings.ts", import.meta.url)]) {
    const docs = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\??:/g;
    for (const [, doc = "", name = ""] of readFileSync(source, "utf8").matchAll(docs)) {
      const text = doc.replaceAll(/^\s*\*/gm, "").replace(/@default[^]*/, "")
        .replaceAll(/\{@link\w* (\w+)\}/g, "$1").replaceAll(/\s+/g, " ").trim();
      if (!texts.has(name) || source.pathname.endsWith("file_settings.ts")) texts.set(name, text);
    }
  }
  return texts;
}

const docs = docstrings();
const schema = configSchema() as unknown as {
  readonly properties: Record<string, Record<string, unknown>>;
};
for (const [name, property] of Object.entries(schema.properties)) {
  const doc = docs.get(name);
  if (doc === undefined) continue;
  const live = property.description === undefined ? "" : ` ${property.description}`;
  property.description = doc + live;
}
const text = `${JSON.stringify(schema, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("schema/framewire.schema.json is stale: deno run -A tools/config_schema.ts");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
