/**
 * The codecs of the small client: WebAssembly for length fields, TypeScript for whatever else the
 * program's framings are.
 *
 * @module
 */
import module, { failure } from "../../codec-wasm/dist/module_client.ts";
import { quicker } from "../codec/auto_codec.ts";
import type { Codec, Scanner } from "../codec/codec.ts";
import { Table } from "../codec/frame_table.ts";
import { ownScans } from "../codec/framing_scans.ts";
import type { Framing, KindField } from "../codec/framing_types.ts";
import { type CodecChoice, type Codecs, noWasm } from "../codec/lender.ts";
import { SmallDecoder } from "../codec/small_decoder.ts";
import { WasmMemory } from "../codec/wasm_memory.ts";

/** A codec of scans alone: a client acknowledges nothing. */
class SmallCodec implements Omit<Codec, "encodeAcks"> {
  readonly kind: "wasm" | "ts";
  busy = false;
  readonly table: Table;
  readonly results: Uint8Array = new Uint8Array(0);
  readonly #choice: CodecChoice;
  readonly #memory: WasmMemory | undefined;

  constructor(choice: CodecChoice, memory?: WasmMemory) {
    this.#choice = choice;
    this.#memory = memory;
    this.kind = memory === undefined ? "ts" : "wasm";
    this.table = memory?.table ?? new Table();
  }

  scanner(framing: Framing, kind?: KindField): Scanner {
    const { table } = this;
    const memory = this.#memory;
    const scans = ownScans(framing);
    const ts = scans.ts(this, table, framing, kind);
    if (memory === undefined || scans.wasm === undefined) return ts;
    if (!(scans.wasm.kernel in memory.exports)) return ts;
    const wasm = scans.wasm.make(memory, framing, kind);
    return this.#choice === "wasm" ? wasm : quicker(ts, wasm, table, false);
  }
}

/** Of each choice the one that connections have, and those in TypeScript that were lent besides. */
const made: { [choice in CodecChoice]?: SmallCodec[] } = {};

function all(choice: CodecChoice): SmallCodec[] {
  return made[choice] ??= [make(choice)];
}

function make(choice: CodecChoice): SmallCodec {
  if (choice === "ts") return new SmallCodec(choice);
  try {
    if (module === undefined) throw failure;
    return new SmallCodec(choice, new WasmMemory(module));
  } catch (cause) {
    if (choice === "auto") return new SmallCodec("ts");
    throw noWasm(cause);
  }
}

function lend(choice: CodecChoice): SmallCodec {
  const codecs = all(choice);
  let codec = codecs.find(({ busy }) => !busy);
  if (codec === undefined) codecs.push(codec = new SmallCodec("ts"));
  return codec;
}

/**
 * The codecs for a choice, with the scans of the framings that the program makes.
 *
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function smallCodecs(choice: CodecChoice): Codecs {
  all(choice);
  const codecs: Codecs = {
    own: () => all(choice)[0] as unknown as Codec,
    borrow: () => lend(choice) as unknown as Codec,
    decoder: (framing, kind, maxFrameBytes, consumer) =>
      new SmallDecoder(framing, kind, codecs, maxFrameBytes, consumer),
    aids: {},
  };
  return codecs;
}
