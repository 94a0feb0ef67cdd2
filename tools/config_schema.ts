// Writes schema/framewire.schema.json from the table of options: `deno run -A tools/config_schema.ts`.
// With `--check` it only tells whether the file is fresh.

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { configSchema } from "../src/cli/settings.ts";

const file = new URL("../schema/framewire.schema.json", import.meta.url);
const text = `${JSON.stringify(configSchema(), null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("schema/framewire.schema.json is stale: deno run -A tools/config_schema.ts");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
