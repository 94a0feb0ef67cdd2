/**
 * The scanners of a codec instance: one for each framing, shared by all its connections.
 *
 * @module
 */
import type { Scanner } from "./codec.ts";
import type { FindScans, FramingScans } from "./framing_scans.ts";
import type { Framing, KindField } from "./framing_types.ts";

interface Kept {
  readonly kind: KindField | undefined;
  readonly scanner: Scanner;
}

type MakeScanner = (
  scans: FramingScans,
  framing: Framing,
  kind: KindField | undefined,
) => Scanner;

/** Scanners by framing and kind field. */
export class ScannerShelf {
  readonly #find: FindScans;
  readonly #make: MakeScanner;
  readonly #kept = new WeakMap<Framing, Kept[]>();

  /**
   * @param find Finds the scans of framings.
   * @param make Makes a scanner that is not there yet.
   */
  constructor(find: FindScans, make: MakeScanner) {
    this.#find = find;
    this.#make = make;
  }

  /**
   * The scanner of a framing.
   *
   * @throws FramewireError INVALID_CONFIG.
   */
  get(framing: Framing, kind: KindField | undefined): Scanner {
    const kept = this.#kept.get(framing);
    const found = kept?.find((entry) => entry.kind === kind);
    if (found !== undefined) return found.scanner;
    const scanner = this.#make(this.#find(framing), framing, kind);
    // What may still change is not kept: its scanner knows it as it is now.
    if (!Object.isFrozen(framing)) return scanner;
    if (kept === undefined) this.#kept.set(framing, [{ kind, scanner }]);
    else if (kept.length < MOST_KINDS) kept.push({ kind, scanner });
    return scanner;
  }
}

/** A program that makes its kind field anew each time does not fill the memory by it. */
const MOST_KINDS = 8;
