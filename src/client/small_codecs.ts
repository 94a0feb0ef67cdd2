/**
 * The codecs of the small client: WebAssembly for length fields, TypeScript for whatever else the
 * program's framings are.
 *
 * @module
 */
import module, { failure } from "../../codec-wasm/dist/module_client.ts";
import type { MakeTs } from "../codec/auto_codec.ts";
import type { Codec } from "../codec/codec.ts";
import { ownScans } from "../codec/framing_scans.ts";
import { type CodecChoice, type Codecs, Lender } from "../codec/lender.ts";
import { TsScans } from "../codec/ts_scans.ts";

/** A client acknowledges nothing: it needs the scans alone. */
const makeTs: MakeTs = (find, table, results) =>
  new TsScans(find, table, results) as unknown as Codec;

const isolate: Lender = /* @__PURE__ */ new Lender(ownScans, makeTs, module, failure);

/**
 * Decides which codec a choice means.
 *
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function resolveSmallCodec(choice: CodecChoice): void {
  isolate.resolve(choice);
}

/** The codecs for a choice, with the scans of the framings that the program makes. */
export function smallCodecs(choice: CodecChoice): Codecs {
  return isolate.of(choice);
}
