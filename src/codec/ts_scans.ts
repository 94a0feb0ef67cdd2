/**
 * Scans in plain TypeScript, without the acknowledgements that servers encode.
 *
 * @module
 */
import { type Codec, type Scanner, TABLE_FRAMES } from "./codec.ts";
import { Table } from "./frame_table.ts";
import type { FindScans } from "./framing_scans.ts";
import type { Framing, KindField } from "./framing_types.ts";
import { ScannerShelf } from "./scanner_shelf.ts";

/** What of a {@linkcode Codec} clients need. */
export class TsScans implements Omit<Codec, "encodeAcks"> {
  /** See {@linkcode Codec.kind}. */
  readonly kind = "ts";
  /** See {@linkcode Codec.busy}. */
  busy = false;
  /** See {@linkcode Codec.table}. */
  readonly table: Table;
  /** See {@linkcode Codec.results}. */
  readonly results: Uint8Array;
  readonly #scanners: ScannerShelf;

  /**
   * @param find Finds the scans of framings.
   * @param table What scans fill; one of its own by default.
   * @param results One byte per frame of the table.
   */
  constructor(
    find: FindScans,
    table: Table = new Table(),
    results: Uint8Array = new Uint8Array(TABLE_FRAMES),
  ) {
    this.table = table;
    this.results = results;
    this.#scanners = new ScannerShelf(
      find,
      (scans, framing, kind) => scans.ts(this, table, framing, kind),
    );
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(framing: Framing, kind?: KindField): Scanner {
    return this.#scanners.get(framing, kind);
  }
}
