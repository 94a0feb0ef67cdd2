/**
 * The scans of frames with a length field that are the same for all of them, however the field is made.
 *
 * @module
 */
import { lengthLayout } from "./frame_layout.ts";
import type { FramingScans, WasmScan } from "./framing_scans.ts";
import type { FixedFraming, LengthFieldFraming } from "./framing_types.ts";
import { TsLengthScanner } from "./ts_length_scanner.ts";
import { WasmLengthScanner } from "./wasm_header_scanners.ts";

/** A fixed framing's length field has no bytes. */
export type LengthFraming = LengthFieldFraming | FixedFraming;

/** The one in WebAssembly. */
export const WASM_LENGTHS: WasmScan = {
  kernel: "scan_length_field",
  make: (memory, framing: LengthFraming, kind) =>
    new WasmLengthScanner(memory, lengthLayout(framing, kind)),
};

/** The one in TypeScript. */
export const TS_LENGTHS: FramingScans["ts"] = (_codec, table, framing: LengthFraming, kind) =>
  new TsLengthScanner(table, lengthLayout(framing, kind));

/** Scans alone, for a protocol that writes its frames by itself. */
export const LENGTH_SCANS_ALONE: FramingScans = { ts: TS_LENGTHS, wasm: WASM_LENGTHS };
