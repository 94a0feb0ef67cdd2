/** The tables in the documents say what the code does. */

import t from "tap";
import { ERROR_CODES } from "../../src/errors.ts";
import { SERVER_DEFAULTS } from "../../src/options/server.ts";
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
