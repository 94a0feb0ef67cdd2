/**
 * Compiles assembly/ into dist/, reproducibly.
 *
 * `deno run -A codec-wasm/build.ts` writes dist/; with `--check` it writes nothing, and fails when
 * dist/ is not what the sources give.
 *
 * @module
 */

/**
 * The size budget. Chromium before mid-2023 compiled no more than 4 KiB synchronously on the main
 * thread; there the codec is the one in TypeScript.
 */
const MAX_WASM_BYTES = 8192;

const ASC = "node_modules/assemblyscript/bin/asc.js";

const ASC_FLAGS = [
  "-O3",
  "--converge",
  "--noAssert",
  // The stub runtime without its abort import: the module has no imports at all.
  "--runtime",
  "stub",
  "--use",
  "abort=",
  "--enable",
  "simd",
];

const here = new URL("./", import.meta.url);
const root = new URL("../", here);

/** One area or number of the memory map, as dist/abi.ts exports it. */
interface LayoutConstant {
  readonly name: string;
  readonly doc: string;
  readonly value: number;
}

/** Reads the sources with line ends as git stores them, so that every system hashes the same. */
async function readSources(): Promise<Map<string, string>> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(new URL("assembly/", here))) {
    if (entry.isFile && entry.name.endsWith(".ts")) names.push(entry.name);
  }
  const sources = new Map<string, string>();
  for (const name of names.sort()) {
    const text = await Deno.readTextFile(new URL(`assembly/${name}`, here));
    sources.set(name, text.replaceAll("\r\n", "\n"));
  }
  return sources;
}

/** What went into dist/: the compiler's version, its flags, and every source file. */
async function hashSources(sources: Map<string, string>): Promise<string> {
  const manifest = JSON.parse(
    await Deno.readTextFile(new URL("node_modules/assemblyscript/package.json", root)),
  );
  const parts = [`assemblyscript ${manifest.version}`, ASC_FLAGS.join(" ")];
  for (const [name, text] of sources) parts.push(name, text);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return new Uint8Array(digest).toHex();
}

/** Evaluates layout.ts, whose constants are plain arithmetic under AssemblyScript's types. */
function readLayout(source: string): LayoutConstant[] {
  const constants: LayoutConstant[] = [];
  const values = new Map<string, number>();
  const pattern = /\/\*\* (.*?) \*\/\nexport const ([A-Z0-9_]+): u32 = (.*);/g;
  for (const [, doc, name, expression] of source.matchAll(pattern)) {
    // Products of names and numbers, summed: all that the map needs.
    const value = expression!.split(" + ").reduce(
      (sum, term) =>
        sum + term.split(" * ").reduce((product, factor) => {
          const number = values.get(factor) ?? Number(factor);
          if (!Number.isInteger(number)) throw new Error(`layout.ts: ${name}: what is ${factor}?`);
          return product * number;
        }, 1),
      0,
    );
    values.set(name!, value);
    constants.push({ name: name!, doc: doc!, value });
  }
  const declared = source.match(/^export const /gm)?.length ?? 0;
  if (declared !== constants.length) {
    throw new Error(
      `layout.ts: ${declared} constants, but only ${constants.length} have a one-line doc comment`,
    );
  }
  return constants;
}

/**
 * Runs the AssemblyScript compiler.
 *
 * @param entry The file in assembly/ whose exports the module has.
 */
async function compile(entry: string, pages: number): Promise<Uint8Array<ArrayBuffer>> {
  const output = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    const asc = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        ASC,
        `codec-wasm/assembly/${entry}`,
        ...ASC_FLAGS,
        "--initialMemory",
        `${pages}`,
        "--maximumMemory",
        `${pages}`,
        "--outFile",
        output,
      ],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdout: "inherit",
      stderr: "inherit",
    });
    const { code } = await asc.output();
    if (code !== 0) throw new Error(`asc failed with exit code ${code}`);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(output);
  }
}

/** Fails when the module is not what the loaders rely on. */
function inspect(wasm: Uint8Array<ArrayBuffer>): WebAssembly.ModuleExportDescriptor[] {
  if (wasm.length >= MAX_WASM_BYTES) {
    throw new Error(`codec.wasm has ${wasm.length} bytes; it must stay under ${MAX_WASM_BYTES}`);
  }
  const module = new WebAssembly.Module(wasm);
  const imports = WebAssembly.Module.imports(module);
  if (imports.length > 0) {
    throw new Error(`codec.wasm imports ${imports.map((i) => `${i.module}.${i.name}`).join(", ")}`);
  }
  return WebAssembly.Module.exports(module);
}

/** The parameters and the result of an exported kernel, from its source. */
function signature(sources: Map<string, string>, kernel: string): string {
  const source = sources.get(`${kernel}.ts`);
  const match = source?.match(new RegExp(`export function ${kernel}\\(([^)]*)\\): (\\w+)`));
  if (!match) throw new Error(`assembly/${kernel}.ts has no function ${kernel}`);
  const parameters = match[1]!.split(",").map((p) => p.trim()).filter((p) => p !== "");
  return `(${parameters.map((p) => p.replace(/: \w+$/, ": number")).join(", ")}) => number`;
}

function abiSource(
  header: string,
  layout: readonly LayoutConstant[],
  exports: readonly WebAssembly.ModuleExportDescriptor[],
  sources: Map<string, string>,
): string {
  const constants = layout.map(({ name, doc, value }) =>
    `/** ${doc} */\nexport const ${name} = ${value};\n`
  );
  const members = exports.map(({ name, kind }) =>
    kind === "memory"
      ? `  /** The fixed linear memory. */\n  readonly ${name}: WebAssembly.Memory;\n`
      : `  /** See assembly/${name}.ts. */\n  readonly ${name}: ${signature(sources, name)};\n`
  );
  return `${header}
/**
 * The memory map and the exports of codec.wasm, for the wasm_ files of src/codec/ alone.
 *
 * @module
 */

${constants.join("\n")}
/** What an instance of codec.wasm exports. */
export interface CodecExports {
${members.join("")}}
`;
}

/** How a module stands in a text, and how it is read from there. */
const ENCODINGS = {
  /** The fastest to read. */
  base64: {
    encode: (wasm: Uint8Array) => wasm.toBase64(),
    decode: `const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);`,
  },
  /** The one that gzip makes the shortest, by an eighth of the module. */
  hex: {
    encode: (wasm: Uint8Array) => wasm.toHex(),
    decode: "const bytes = Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));",
  },
};

/** The lines of a generated file that hold a module and compile it. */
function compileSource(wasm: Uint8Array, encoding: keyof typeof ENCODINGS): string {
  const { encode, decode } = ENCODINGS[encoding];
  const lines = encode(wasm).match(/.{1,96}/g)!.map((line) => `  "${line}"`);
  return `const ${encoding}: string =
${lines.join(" +\n")};

function compile(): Compiled {
  try {
    ${decode}
    return { module: new WebAssembly.Module(bytes) };
  } catch (failure) {
    return { failure };
  }
}
`;
}

/** What a module is, or why there is none. */
const COMPILED = `{
  /** The compiled module, or undefined where compiling is forbidden. */
  readonly module?: WebAssembly.Module | undefined;
  /** Why there is no module. */
  readonly failure?: unknown;
}`;

function inlineSource(header: string, wasm: Uint8Array): string {
  return `${header}
/**
 * codec.wasm as a compiled module, without a file, a fetch or a permission.
 *
 * It is compiled when it is first asked for, synchronously: that takes a millisecond, a tenth of an import.
 * A Worker may compile at start-up but not in a handler, so there it is compiled when this is imported.
 * Where that is forbidden (a Content-Security-Policy), there is no module.
 *
 * @module
 */

/** codec.wasm, or why there is none. */
export interface Compiled ${COMPILED}

${compileSource(wasm, "base64")}
// A call that is marked as pure: bundles that need no codec drop it.
let compiled: Compiled | undefined = /* @__PURE__ */ atStartUp();

function atStartUp(): Compiled | undefined {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers" ? compile() : undefined;
}

/** The compiled module, or why there is none. */
export function codecModule(): Compiled {
  return compiled ??= compile();
}
`;
}

function clientSource(header: string, wasm: Uint8Array): string {
  return `${header}
/**
 * What the small client has of codec.wasm, as a compiled module, without a file, a fetch or a permission.
 *
 * It is compiled when this is imported, synchronously: a Worker may compile at start-up but not in
 * a handler. Where that is forbidden (a Content-Security-Policy), \`module\` is undefined.
 *
 * @module
 */

interface Compiled ${COMPILED}

// Each step is a call that is marked as pure: bundles that need no codec drop it.
${compileSource(wasm, "hex")}
const compiled: Compiled = /* @__PURE__ */ compile();

/** The compiled module, or undefined where compiling is forbidden. */
const module: WebAssembly.Module | undefined = /* @__PURE__ */ moduleOf(compiled);
export default module;

/** Why there is no module. */
export const failure: unknown = /* @__PURE__ */ failureOf(compiled);

function moduleOf({ module }: Compiled): WebAssembly.Module | undefined {
  return module;
}

function failureOf({ failure }: Compiled): unknown {
  return failure;
}
`;
}

function workerdSource(header: string): string {
  return `// @ts-nocheck: type checkers know an imported .wasm as an instance, workerd gives its module
${header}
/**
 * codec.wasm as a compiled module, for Cloudflare Workers: workerd compiles what is imported
 * statically, whatever the compatibility date, and allows nothing else before 2025-06-01.
 *
 * @module
 */
import imported from "./codec.wasm";

const compiled: { readonly module: WebAssembly.Module; readonly failure?: unknown } = {
  module: imported,
};

/** The compiled module. */
export function codecModule(): typeof compiled {
  return compiled;
}
`;
}

/** Everything dist/ holds, from the sources. */
async function generate(): Promise<Map<string, Uint8Array>> {
  const sources = await readSources();
  const layout = readLayout(sources.get("layout.ts")!);
  const pages = layout.find((constant) => constant.name === "MEMORY_PAGES")!.value;
  const bytes = layout.find((constant) => constant.name === "MEMORY_BYTES")!.value;
  if (bytes > pages * 65536) throw new Error(`layout.ts: ${bytes} bytes do not fit ${pages} pages`);
  const wasm = await compile("index.ts", pages);
  const clientWasm = await compile("index_client.ts", pages);
  inspect(clientWasm);
  const exports = inspect(wasm);

  const header = `// deno-fmt-ignore-file
// deno-lint-ignore-file
// @generated by codec-wasm/build.ts, sources sha256:${await hashSources(sources)}
`;
  const encoder = new TextEncoder();
  return new Map([
    ["codec.wasm", wasm],
    ["abi.ts", encoder.encode(abiSource(header, layout, exports, sources))],
    ["module_client.ts", encoder.encode(clientSource(header, clientWasm))],
    ["module_inline.ts", encoder.encode(inlineSource(header, wasm))],
    ["module_workerd.ts", encoder.encode(workerdSource(header))],
  ]);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The names of the files in dist/ that are missing, too many, or not as generated. */
async function findStale(files: Map<string, Uint8Array>): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, wanted] of files) {
    const found = await Deno.readFile(new URL(`dist/${name}`, here)).catch(() => undefined);
    if (found === undefined || !equal(found, wanted)) stale.push(name);
  }
  for await (const entry of Deno.readDir(new URL("dist/", here))) {
    if (!files.has(entry.name)) stale.push(entry.name);
  }
  return stale.sort();
}

if (import.meta.main) {
  const files = await generate();
  const wasmBytes = files.get("codec.wasm")!.length;
  if (Deno.args.includes("--check")) {
    const stale = await findStale(files);
    if (stale.length > 0) {
      console.error(
        `codec-wasm/dist is stale (${stale.join(", ")}): run deno run -A codec-wasm/build.ts`,
      );
      Deno.exit(1);
    }
    console.log(`codec-wasm/dist is fresh; codec.wasm has ${wasmBytes} bytes`);
  } else {
    await Deno.mkdir(new URL("dist/", here), { recursive: true });
    for (const [name, bytes] of files) await Deno.writeFile(new URL(`dist/${name}`, here), bytes);
    console.log(`wrote codec-wasm/dist; codec.wasm has ${wasmBytes} bytes`);
  }
}
