/**
 * What scans a framing in the codecs of servers and whole clients: frames of `submit` have scans of
 * their own in both languages.
 *
 * @module
 */
import { checkFraming } from "./check_framing.ts";
import { isSubmit, lengthLayout } from "./frame_layout.ts";
import type { FramingScans, WasmScan } from "./framing_scans.ts";
import type { Framing } from "./framing_types.ts";
import { type LengthFraming, TS_LENGTHS, WASM_LENGTHS } from "./length_scans.ts";
import { TsSubmitScanner } from "./ts_submit_scanner.ts";
import { WasmSubmitScanner } from "./wasm_submit_scanner.ts";

const TS: FramingScans["ts"] = (codec, table, framing: LengthFraming, kind) =>
  isSubmit(lengthLayout(framing, kind))
    ? new TsSubmitScanner(table)
    : TS_LENGTHS(codec, table, framing, kind);

const WASM: WasmScan = {
  kernel: "scan_length_field",
  make: (memory, framing: LengthFraming, kind) =>
    isSubmit(lengthLayout(framing, kind))
      ? new WasmSubmitScanner(memory)
      : WASM_LENGTHS.make(memory, framing, kind),
};

/**
 * Finds the scans of a framing.
 *
 * @throws FramewireError INVALID_CONFIG when it is none.
 */
export function findScans(framing: Framing): FramingScans {
  const scans = checkFraming(framing);
  return framing.kind === "lengthField" ? { ...scans, ts: TS, wasm: WASM } : scans;
}
