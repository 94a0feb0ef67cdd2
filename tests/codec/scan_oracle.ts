/**
 * How a stream with length fields is cut, written for clarity: all numbers are BigInt.
 *
 * @module
 */
import { ScanStatus, TABLE_FRAMES } from "../../src/codec/codec.ts";
import type { KindField, LengthFieldFraming } from "../../src/codec/framing.ts";

/** What a scan should find. */
export interface Expected {
  readonly frames: number[][];
  readonly consumed: number;
  readonly need: number;
  readonly status: number;
  /** Undefined when no frame is malformed. */
  readonly declared: number | undefined;
}

const WINDOW = 65536;

/** Cuts `chunk[start, end)`. */
export function expectScan(
  framing: LengthFieldFraming,
  kind: KindField | undefined,
  chunk: Uint8Array,
  start: number,
  end: number,
  maxFrameBytes: number,
): Expected {
  const header = framing.offset + framing.size;
  const base = framing.adjust + (framing.counts === "frame" ? 0 : header);
  const kindEnd = kind === undefined ? 0 : kind.offset + kind.bytes;
  const min = Math.max(framing.minFrameBytes, kindEnd, framing.strip);
  const frames: number[][] = [];
  let at = start;
  const ends = (status: number, need = 0, declared?: number): Expected => ({
    frames,
    consumed: at,
    need,
    status,
    declared,
  });
  while (at < Math.min(end, start + WINDOW) && frames.length < TABLE_FRAMES) {
    if (end - at < header) return ends(ScanStatus.OK, header);
    const field = read(chunk, at + framing.offset, framing.size, framing.littleEndian);
    const total = field + BigInt(base);
    const declared = Number(field) + base;
    if (total > BigInt(maxFrameBytes)) return ends(ScanStatus.FRAME_TOO_LARGE, 0, declared);
    if (total < BigInt(min)) return ends(ScanStatus.LENGTH_UNDERFLOW, 0, declared);
    if (total > BigInt(end - at)) return ends(ScanStatus.OK, Number(total));
    const kindOf = kind === undefined
      ? 0n
      : read(chunk, at + kind.offset, kind.bytes, kind.littleEndian);
    frames.push([at, Number(total), Number(BigInt.asIntN(32, kindOf)), framing.strip]);
    at += Number(total);
  }
  return ends(ScanStatus.OK);
}

function read(bytes: Uint8Array, at: number, width: number, littleEndian: boolean): bigint {
  const field = [...bytes.subarray(at, at + width)];
  if (littleEndian) field.reverse();
  return field.reduce((value, byte) => value << 8n | BigInt(byte), 0n);
}
