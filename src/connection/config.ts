/**
 * What a connection is told at its beginning.
 *
 * @module
 */
import { leastLimit } from "../codec/frame_layout.ts";
import type { Framing, KindField } from "../codec/framing.ts";
import type { Codecs } from "../codec/lender.ts";
import type { Link } from "../link/link.ts";
import type { WatchedBatches } from "../observe/batches.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Outbound } from "./outbound.ts";
import type { Clock } from "./clock.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { WriteMode } from "./write_mode.ts";

/** What a connection is told at its beginning. */
export interface ConnectionConfig {
  /** Where frames begin and end. */
  readonly framing: Framing;
  /** Where the kind of a frame stands; undefined where there is none. */
  readonly kind: KindField | undefined;
  /** Who scans the stream. */
  readonly codecs: Codecs;
  /** The longest frame, its header included. */
  readonly maxFrameBytes: number;
  /** Input is not read while more than this waits to be written, in bytes. */
  readonly writeHighWaterBytes: number;
  /** Reading goes on when no more than this is left, in bytes. */
  readonly writeLowWaterBytes: number;
  /** How long a finished connection waits for the peer's end, in milliseconds. */
  readonly lingerMs: number;
  /**
   * Whether what is still to be written when it finishes is of use to the peer, however long that
   * takes to read it. If not, `lingerMs` is all the time there is.
   */
  readonly sendsAllBeforeEnd: boolean;
  /** Where time comes from; by default the system's clock. */
  readonly clock?: Clock;
  /** When what is put out is written; by default in batches. */
  readonly writeMode?: WriteMode;
  /** Makes the writer of its link, by default a plain one; `flush` flushes the connection. */
  readonly outbound?: ((link: Link, flush: () => void) => Outbound) | undefined;
  /** What the memory that the connection holds is counted against, and when it may not read. */
  readonly memory?: MemoryBudget;
  /** Watches its batches; undefined where nothing is watched. */
  readonly watch?: ((endpoint: Endpoint, outbound: Outbound) => WatchedBatches) | undefined;
}

/** What connections go by until their peer is known: the same with shorter frames, while it stays so. */
export function beforeAuth(config: ConnectionConfig, maxFrameBytes: number): ConnectionConfig {
  const limit = Math.max(maxFrameBytes, leastLimit(config.framing));
  return Object.create(config, {
    maxFrameBytes: { get: () => Math.min(limit, config.maxFrameBytes) },
  }) as ConnectionConfig;
}
