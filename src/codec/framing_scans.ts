/**
 * What scans frames of a framing: it comes with the framing, so that a program's bundle has the scans
 * of those framings alone that it makes.
 *
 * @module
 */
import type { CodecExports } from "../../codec-wasm/dist/abi.ts";
import type { Codec, Scanner } from "./codec.ts";
import type { Table } from "./frame_table.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { invalidConfig } from "./framing_check.ts";
import type { Framing, KindField } from "./framing_types.ts";
import type { WasmMemory } from "./wasm_memory.ts";

/** The scans of one kind of framing, in both languages, and what writes its frames. */
export interface FramingScans {
  /** Makes the one in TypeScript, which fills `table` for `codec`. */
  ts(
    codec: Pick<Codec, "busy">,
    table: Table,
    framing: Framing,
    kind: KindField | undefined,
  ): Scanner;
  /** The one in WebAssembly, where there is one. */
  readonly wasm?: WasmScan;
  /** Makes what writes its frames; left out for a protocol that writes them by itself. */
  writer?(framing: Framing, maxFrameBytes: number): FrameWriter;
}

/** A scan in WebAssembly. */
export interface WasmScan {
  /** The kernel that it calls. */
  readonly kernel: keyof CodecExports;
  /** Makes it. */
  make(memory: WasmMemory, framing: Framing, kind: KindField | undefined): Scanner;
}

/** Finds the scans of a framing. */
export type FindScans = (framing: Framing) => FramingScans;

const known = new WeakMap<Framing, FramingScans>();

/** Says what scans a framing that was checked and is frozen. */
export function scannedBy<F extends Framing>(framing: F, scans: FramingScans): F {
  known.set(framing, scans);
  return framing;
}

/** The scans of a framing, if it was made by this copy of the library. */
export function knownScans(framing: Framing): FramingScans | undefined {
  return known.get(framing);
}

/**
 * The scans of a framing that was made by this copy of the library.
 *
 * @throws FramewireError INVALID_CONFIG for any other.
 */
export function ownScans(framing: Framing): FramingScans {
  const scans = known.get(framing);
  if (scans !== undefined) return scans;
  throw notMade();
}

/** What is said of something that is no framing. */
export function notMade(): Error {
  return invalidConfig("a framing is what lengthField, varint, delimiter, fixed or custom returns");
}
