/**
 * The program of `no_wasm_test.ts`: WebAssembly is taken away as a Content-Security-Policy does, before the
 * library is loaded. Prints what two servers log, and that both work.
 *
 *   no_wasm.mjs absent|forbidden
 */
import process from "node:process";

if (process.argv[2] === "absent") delete globalThis.WebAssembly;
else {
  WebAssembly.Module = class {
    constructor() {
      throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    }
  };
}
// Node runs what is built, for it cannot strip types; Deno and Bun run the sources.
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const library = runtime === "node" ? "../../dist/node.js" : `../../src/entry/${runtime}.ts`;
const { connect, crc32c, serve } = await import(library);

const lines = [];
const logger = (category) => {
  const at = (level) => (message, properties) =>
    lines.push({ category: category.join("."), level, message, properties });
  return { debug() {}, info() {}, warn: at("warn"), error: at("error") };
};
const requests = [];
for (let i = 0; i < 2; i++) {
  const server = await serve({ port: 0, logger }, { submit() {} });
  const client = await connect(`tcp://127.0.0.1:${server.addr.port}`);
  await Promise.all(Array.from({ length: 100 }, (_, n) => client.submit(`${n}`)));
  await client.close();
  requests.push(server.stats().requests);
  await server.shutdown();
}
const refused = await serve({ port: 0, codec: "wasm", logger }, { submit() {} }).catch((e) => e);
const checksum = crc32c(new TextEncoder().encode("123456789"));
console.log(
  JSON.stringify({ lines, requests, checksum, refused: [refused.code, refused.message] }),
);
