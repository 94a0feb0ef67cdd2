/**
 * Decodes one case with both codecs, cut and whole, and says where they differ from each other or
 * from the oracle.
 *
 * @module
 */

import { smallCodecs } from "../../src/client/small_codecs.ts";
import type { Codec, FrameTable } from "../../src/codec/codec.ts";
import type { FrameConsumer } from "../../src/codec/frame_consumer.ts";
import { skipsOversize } from "../../src/codec/frame_layout.ts";
import type { Framing, KindField } from "../../src/codec/framing.ts";
import { borrow, codecsOf } from "../../src/codec/lend.ts";
import { FramewireError, isFramewireError } from "../../src/errors.ts";
import { fromHex, random } from "../helpers/frames.ts";
import { framingOf, type FuzzCase, toHex } from "./case.ts";
import { decodePlainly, errorLine, type Outcome } from "./oracle.ts";

/** How the pieces are decoded. */
interface How {
  readonly codec: "wasm" | "ts" | "auto";
  /** Whether by those of the small client. */
  readonly small?: boolean;
  readonly cuts: readonly number[];
  readonly rooms?: readonly number[] | undefined;
  readonly keeps?: boolean | undefined;
}

/** A change of the framing. */
interface Change {
  readonly after: number;
  readonly framing: Framing;
  readonly kind: KindField | undefined;
}

/** An outcome, and the error's text. */
interface Decoded extends Outcome {
  text: string;
}

/** Copies frames, or keeps views and reads them when all is over. */
class Recorder implements FrameConsumer {
  keepsChunk = false;
  readonly skips: FramewireError[] = [];
  /** Called when so many frames were taken; no more are taken of that batch. */
  change: { readonly after: number; readonly call: () => void } | undefined;
  readonly #frames: (() => string)[] = [];
  readonly #rooms: readonly number[] | undefined;
  readonly #keeps: boolean;
  #turn = 0;

  constructor(rooms: readonly number[] | undefined, keeps: boolean) {
    this.#rooms = rooms;
    this.#keeps = keeps;
  }

  get count(): number {
    return this.#frames.length;
  }

  get frames(): string[] {
    return this.#frames.map((frame) => frame());
  }

  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    const rooms = this.#rooms;
    const room = rooms === undefined ? count : rooms[this.#turn++ % rooms.length]!;
    let taken = Math.min(count, room);
    const change = this.change;
    if (change !== undefined && this.#frames.length + taken >= change.after) {
      taken = change.after - this.#frames.length;
      change.call();
      this.change = undefined;
    }
    for (let i = 0; i < taken; i++) {
      const offset = words[i * 4]!;
      const view = chunk.subarray(offset, offset + words[i * 4 + 1]!);
      const around = words[i * 4 + 3]!;
      const head = `${words[i * 4 + 2]! >>> 0} ${around & 0xffff} ${around >>> 16}`;
      const hex = this.#keeps ? undefined : toHex(view);
      this.#frames.push(() => `${head} ${hex ?? toHex(view)}`);
    }
    if (this.#keeps && taken > 0) this.keepsChunk = true;
    return taken;
  }

  skipped(error: FramewireError): void {
    this.skips.push(error);
  }
}

/**
 * Runs a case.
 *
 * @returns What is wrong, or undefined.
 */
export function runCase(given: FuzzCase): string | undefined {
  const framing = framingOf(given.framing, given.maxFrameBytes);
  const { kind, cuts, rooms, keeps } = given;
  const stream = fromHex(given.stream);
  const expected = decodePlainly(given);
  const max = given.maxFrameBytes;
  const change = given.reframe && {
    after: given.reframe.after,
    framing: framingOf(given.reframe.framing, max),
    kind: given.reframe.kind,
  };
  const decode = (how: How) => decodeCut(framing, kind, max, change, stream, how);
  for (const how of [{ cuts: [] }, { cuts }, { cuts, rooms }, { cuts, rooms, keeps }]) {
    const wasm = decode({ codec: "wasm", ...how });
    const ts = decode({ codec: "ts", ...how });
    const name = `${how.cuts.length} cuts${"rooms" in how ? ", rooms" : ""}`;
    const auto = decode({ codec: "auto", ...how });
    const difference = compare(`wasm and ts, ${name}`, wasm, ts) ??
      compare(`auto and ts, ${name}`, auto, ts) ??
      compare(`ts and the oracle, ${name}`, strip(ts), expected);
    if (difference !== undefined) return difference;
    for (const { text } of [wasm, auto]) {
      if (text !== ts.text) return `messages, ${name}: ${text} | ${ts.text}`;
    }
    if (change !== undefined || skipsOversize(framing)) continue; // the small decoder cannot
    for (const codec of ["wasm", "ts", "auto"] as const) {
      const small = decode({ codec, small: true, ...how });
      const difference = compare(`small ${codec} and ts, ${name}`, small, ts);
      if (difference !== undefined) return difference;
    }
  }
  return compareScans(framing, kind, max, stream, given.cuts.length);
}

/** Without what the oracle does not know: what a truncated frame declares. */
function strip(decoded: Decoded): Outcome {
  const { frames, skipped, error } = decoded;
  return { frames, skipped, error };
}

function compare(what: string, a: Outcome, b: Outcome): string | undefined {
  for (const part of ["frames", "skipped"] as const) {
    for (let i = 0; i < Math.max(a[part].length, b[part].length); i++) {
      if (a[part][i] !== b[part][i]) return `${what}: ${part}[${i}]: ${a[part][i]} | ${b[part][i]}`;
    }
  }
  return a.error === b.error ? undefined : `${what}: error: ${a.error} | ${b.error}`;
}

function decodeCut(
  framing: Framing,
  kind: KindField | undefined,
  maxFrameBytes: number,
  change: Change | undefined,
  stream: Uint8Array,
  { codec, small = false, cuts, rooms, keeps = false }: How,
): Decoded {
  const recorder = new Recorder(rooms, keeps);
  const codecs = small ? smallCodecs(codec) : codecsOf(codec);
  const decoder = codecs.decoder(framing, kind, maxFrameBytes, recorder);
  if (change !== undefined) {
    const call = () => decoder.reframe!(change.framing, change.kind);
    recorder.change = { after: change.after, call };
  }
  let error: unknown;
  try {
    let from = 0;
    for (const to of [...cuts, stream.length]) {
      let piece = stream.slice(from, to);
      for (let stalled = 0, frames = 0;;) {
        recorder.keepsChunk = false;
        const taken = decoder.push(piece);
        if (decoder.waitingBytes > 2 * maxFrameBytes + 128) {
          throw new Error(`${decoder.waitingBytes} bytes wait, the limit is ${maxFrameBytes}`);
        }
        const rest = piece.slice(taken);
        if (!recorder.keepsChunk) piece.fill(0xa5);
        stalled = taken > 0 || recorder.count > frames ? 0 : stalled + 1;
        frames = recorder.count;
        if (stalled > 16) throw new Error("no progress");
        piece = rest;
        if (piece.length === 0 && !decoder.stopped) break;
      }
      from = to;
    }
    decoder.end();
  } catch (caught) {
    error = caught;
  }
  decoder.close();
  if (error !== undefined && !isFramewireError(error)) throw error;
  return {
    frames: recorder.frames,
    skipped: recorder.skips.map(lineOf),
    error: error === undefined ? undefined : lineOf(error),
    text: [...recorder.skips, ...(error === undefined ? [] : [error])].map(textOf).join("\n"),
  };
}

function lineOf(error: FramewireError): string {
  if (error.code === "TRUNCATED") {
    return error.streamOffset === undefined
      ? "TRUNCATED while skipping"
      : `TRUNCATED at ${error.streamOffset}`;
  }
  // How much a failed scan has seen depends on what has come.
  const declared = error.code === "INVALID_FRAME" ? -1 : error.declaredBytes;
  return errorLine(error.code, declared, error.limitBytes, error.streamOffset);
}

function textOf(error: FramewireError): string {
  const { message, looksLike, firstBytes, declaredBytes } = error;
  return `${message} (${looksLike}) ${declaredBytes} ${firstBytes && toHex(firstBytes)}`;
}

/** Scans pieces with both codecs: the tables must be equal in every word. */
function compareScans(
  framing: Framing,
  kind: KindField | undefined,
  maxFrameBytes: number,
  stream: Uint8Array,
  seed: number,
): string | undefined {
  const next = random(seed);
  const scanners = [borrow("wasm"), borrow("ts")].map((codec) => codec.scanner(framing, kind));
  for (let turn = 0; turn < 4; turn++) {
    const start = turn === 0 ? 0 : next(stream.length + 1);
    const end = turn === 0 ? stream.length : start + next(stream.length - start + 1);
    const [wasm, ts] = scanners.map((scanner) =>
      tableText(scanner.scan(stream, start, end, maxFrameBytes))
    );
    if (wasm !== ts) return `scan of [${start}, ${end}): ${wasm} | ${ts}`;
  }
  return undefined;
}

function tableText({ words, count, consumed, need, status, declared }: FrameTable): string {
  const entries = words.subarray(0, count * 4).join(" ");
  return `count ${count} consumed ${consumed} need ${need} status ${status} declared ${declared}` +
    `: ${entries}`;
}
