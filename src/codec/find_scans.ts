/**
 * What scans a framing in the codecs of servers and whole clients: frames with a length field have a
 * quicker scan in TypeScript, and those of `submit` scans of their own in both languages.
 *
 * @module
 */
import { checkFraming } from "./check_framing.ts";
import { isSubmit, lengthLayout } from "./frame_layout.ts";
import type { FramingScans, WasmScan } from "./framing_scans.ts";
import type { Framing } from "./framing_types.ts";
import { type LengthFraming, WASM_LENGTHS } from "./length_scans.ts";
import { TsQuickLengthScanner } from "./ts_quick_length_scanner.ts";
import { TsSubmitScanner } from "./ts_submit_scanner.ts";
import { WasmSubmitScanner } from "./wasm_submit_scanner.ts";

const TS: FramingScans["ts"] = (_codec, table, framing: LengthFraming, kind) => {
  const layout = lengthLayout(framing, kind);
  return isSubmit(layout) ? new TsSubmitScanner(table) : new TsQuickLengthScanner(table, layout);
};

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
  return scans.wasm === WASM_LENGTHS ? { ...scans, ts: TS, wasm: WASM } : scans;
}
