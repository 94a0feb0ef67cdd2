/**
 * The isolate's codecs, and who may use them when.
 *
 * @module
 */
import { codecModule } from "#codec-module";
import { findScans } from "./find_scans.ts";
import type { Codec } from "./codec.ts";
import { CodecNote } from "./codec_note.ts";
import { FrameSkipper } from "./frame_skipper.ts";
import { guess } from "./guess.ts";
import { type CodecChoice, type Codecs, Lender } from "./lender.ts";
import { makeTsCodec } from "./ts_codec.ts";

export type { CodecChoice } from "./lender.ts";

const isolate: Lender = /* @__PURE__ */ new Lender(
  findScans,
  makeTsCodec,
  codecModule,
  { skipper: (codecs) => new FrameSkipper(codecs), guess },
);

const note: CodecNote = /* @__PURE__ */ new CodecNote(isolate);

/**
 * Decides which codec a choice means in this isolate.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function resolveCodec(choice: CodecChoice): "wasm" | "ts" {
  return isolate.resolve(choice);
}

/**
 * What the log should say once of a choice that WebAssembly was meant for and cannot be had: to the first
 * who asks in this isolate, and to nobody else.
 *
 * @param choice What the user asked for.
 */
export function codecNote(
  choice: CodecChoice,
): { readonly message: string; readonly cause: unknown } | undefined {
  return note.of(choice);
}

/** The isolate's codecs for a choice, with the scans of all framings. */
export function codecsOf(choice: CodecChoice): Codecs {
  return isolate.of(choice);
}

/**
 * Lends the isolate's codec of the chosen kind: see {@linkcode Codecs.borrow}.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function borrow(choice: CodecChoice): Codec {
  return isolate.of(choice).borrow();
}
