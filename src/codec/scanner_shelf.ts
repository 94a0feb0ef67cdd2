/**
 * The scanners of a codec instance: one for each framing, shared by all its connections.
 *
 * @module
 */
import type { Scanner } from "./codec.ts";
import { checkFraming } from "./frame_layout.ts";
import type { Framing, KindField } from "./framing.ts";

interface Kept {
  readonly kind: KindField | undefined;
  readonly scanner: Scanner;
}

/** Scanners by framing and kind field. */
export class ScannerShelf {
  readonly #make: (framing: Framing, kind: KindField | undefined) => Scanner;
  readonly #kept = new WeakMap<Framing, Kept[]>();

  /** @param make Makes a scanner that is not there yet. */
  constructor(make: (framing: Framing, kind: KindField | undefined) => Scanner) {
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
    checkFraming(framing);
    const scanner = this.#make(framing, kind);
    // What may still change is not kept: its scanner knows it as it is now.
    if (!Object.isFrozen(framing)) return scanner;
    if (kept === undefined) this.#kept.set(framing, [{ kind, scanner }]);
    else if (kept.length < MOST_KINDS) kept.push({ kind, scanner });
    return scanner;
  }
}

/** A program that makes its kind field anew each time does not fill the memory by it. */
const MOST_KINDS = 8;
