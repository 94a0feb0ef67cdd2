/** Which codec is lent, and to whom. */

import t from "tap";
import { codecModule } from "#codec-module";
import { type Codec, createCodec } from "../../src/codec/mod.ts";
import { findScans } from "../../src/codec/find_scans.ts";
import { borrow, resolveCodec } from "../../src/codec/lend.ts";
import { Lender } from "../../src/codec/lender.ts";
import { makeTsCodec } from "../../src/codec/ts_codec.ts";
import { custom } from "../../src/codec/framing.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../src/protocol/defined/layouts.ts";
import { submits } from "../helpers/frames.ts";

t.test("each choice is one instance, of its kind", (t) => {
  t.strictSame([resolveCodec("auto"), resolveCodec("wasm"), resolveCodec("ts")], [
    "wasm",
    "wasm",
    "ts",
  ]);
  for (const choice of ["auto", "wasm", "ts"] as const) {
    t.equal(borrow(choice), borrow(choice));
    t.equal(borrow(choice).kind, resolveCodec(choice));
  }
  t.end();
});

t.test("while a codec is busy, others get one in TypeScript", (t) => {
  for (const choice of ["auto", "wasm", "ts"] as const) {
    const first = borrow(choice);
    first.busy = true;
    const second = borrow(choice);
    second.busy = true;
    const third = borrow(choice);
    t.equal(new Set([first, second, third]).size, 3, choice);
    t.strictSame([second.kind, third.kind], ["ts", "ts"]);
    second.busy = false;
    t.equal(borrow(choice), second, "which is used again");
    first.busy = false;
    t.equal(borrow(choice), choice === "ts" ? borrow("ts") : first);
  }
  t.end();
});

t.test("a nested scan leaves the outer batch alone", (t) => {
  for (const choice of ["auto", "wasm", "ts"] as const) {
    const outer = borrow(choice);
    const chunk = submits(50, 1, "outer");
    const table = outer.scanner(SUBMIT_FRAMING, SUBMIT_KIND).scan(chunk, 0, chunk.length, 1024);
    outer.busy = true;
    const before = table.words.slice(0, table.count * 4);
    const inner = borrow(choice);
    const other = submits(70, 1, "in");
    inner.scanner(SUBMIT_FRAMING, SUBMIT_KIND).scan(other, 0, other.length, 1024);
    t.strictSame([table.count, table.words.slice(0, 200)], [50, before], choice);
    outer.busy = false;
  }
  t.end();
});

t.test("a custom framing's function may decode with the same choice", (t) => {
  for (const choice of ["auto", "wasm", "ts"] as const) {
    const codec = borrow(choice);
    const lent: Codec[] = [];
    const framing = custom(() => {
      lent.push(borrow(choice));
      return 4;
    });
    codec.scanner(framing).scan(new Uint8Array(8), 0, 8, 1024);
    t.equal(lent.length, 2);
    t.notOk(lent.includes(codec), choice);
  }
  t.end();
});

t.test("where WebAssembly is forbidden, auto is TypeScript and wasm is refused", (t) => {
  const cause = new Error("Refused to compile");
  const lender = new Lender(findScans, makeTsCodec, () => ({ failure: cause }));
  t.equal(lender.resolve("auto"), "ts");
  t.equal(lender.of("auto").borrow().kind, "ts");
  t.throws(() => lender.of("wasm").borrow(), { code: "UNSUPPORTED", cause });
  t.throws(() => lender.resolve("wasm"), { code: "UNSUPPORTED", message: /wasm-unsafe-eval/ });
  const broken = new Lender(findScans, makeTsCodec, () => ({ module: {} as WebAssembly.Module }));
  t.equal(broken.resolve("auto"), "ts");
  t.throws(() => broken.resolve("wasm"), { code: "UNSUPPORTED" });
  t.end();
});

t.test("codec.wasm is compiled when WebAssembly is first wanted", (t) => {
  let compiled = 0;
  const lender = new Lender(findScans, makeTsCodec, () => {
    compiled++;
    return codecModule();
  });
  lender.of("ts").borrow();
  t.equal(compiled, 0);
  t.equal(lender.of("wasm").borrow().kind, "wasm");
  t.equal(compiled, 1);
  t.end();
});

t.test("createCodec takes a module, or does without", (t) => {
  const { module, failure } = codecModule();
  t.equal(failure, undefined);
  t.equal(module, codecModule().module, "compiled once");
  const codec = createCodec(module);
  t.equal(codec.kind, "wasm");
  t.not(codec, borrow("wasm"));
  t.equal(createCodec(undefined).kind, "ts");
  t.end();
});

t.test("codec.wasm imports nothing, and its memory never grows", (t) => {
  const module = codecModule().module!;
  t.strictSame(WebAssembly.Module.imports(module), []);
  const { memory } = new WebAssembly.Instance(module).exports as { memory: WebAssembly.Memory };
  t.throws(() => memory.grow(1), RangeError);
  t.end();
});
