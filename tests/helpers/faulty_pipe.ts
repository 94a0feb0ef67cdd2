/**
 * One direction of a connection through the fault proxy.
 *
 * @module
 */

import type * as net from "node:net";
import type { Clock, Timer } from "../../src/connection/clock.ts";

/** What happens to the bytes of one direction. Places are counted in bytes of this direction. */
export interface PipeFaults {
  /** Every byte comes this much later, in milliseconds. */
  readonly delayMs?: number;
  /** Each piece comes up to this much later still, at random, in milliseconds; order is kept. */
  readonly jitterMs?: number;
  /** No more bytes a second than this. */
  readonly bytesPerSecond?: number;
  /** What comes is written in pieces of this many bytes: a number, or a range chosen from. */
  readonly pieceBytes?: number | readonly [least: number, most: number];
  /** What comes is held until there is this much, or the end: many writes become one. */
  readonly mergeBytes?: number;
  /** After this many bytes both sides get the end of the stream. */
  readonly cutAt?: number;
  /** After this many bytes both sides get a reset. */
  readonly resetAt?: number;
  /** After this many bytes the rest of this direction is taken and goes nowhere. */
  readonly blackHoleAt?: number;
  /** After this many bytes nothing more is read: the sender's buffers fill. */
  readonly stallAt?: number;
  /** After this many bytes the receiver gets a reset, and the sender hears nothing. */
  readonly halfOpenAt?: number;
}

/** What a pipe is told of its connection. */
export interface PipeConfig {
  /** Who reads what passes. */
  readonly receiver: "client" | "server";
  readonly faults: PipeFaults;
  readonly clock: Clock;
  readonly random: (below: number) => number;
  /** What ends the whole connection. */
  readonly end: {
    reset(): void;
    cut(): void;
    /** The receiver is gone, and the sender does not hear of it. */
    halfOpen(): void;
  };
}

interface Piece {
  /** Undefined for the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly due: number;
}

/** So much may wait in a pipe before its sender is not read. */
const HELD_BYTES = 1 << 20;

/** How long a receiver gets to read what stood before a fault. */
const READ_FIRST_MS = 5;

/** One direction: reads from a socket, does what it is told, writes to another. */
export class FaultyPipe {
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #config: PipeConfig;
  readonly #faults: PipeFaults;
  readonly #queue: Piece[] = [];
  #merging: Uint8Array[] = [];
  #mergingBytes = 0;
  #queuedBytes = 0;
  #timer: Timer | undefined;
  /** When the last piece was due, and when the line is free again. */
  #last = 0;
  #dark = false;
  #closed = false;
  #stalled = false;
  /** Bytes that came from the sender. */
  taken = 0;
  /** Bytes that were written to the receiver. */
  passed = 0;

  constructor(from: net.Socket, to: net.Socket, config: PipeConfig) {
    this.#from = from;
    this.#to = to;
    this.#config = config;
    this.#faults = config.faults;
    from.on("data", (chunk: Uint8Array) => this.#take(chunk));
    from.on("end", () => this.#takeEnd());
    to.on("drain", () => this.#flow());
  }

  /** Whether what comes goes nowhere. */
  get isDark(): boolean {
    return this.#dark;
  }

  /** From now on bytes are taken and go nowhere. */
  blackHole(): void {
    this.#dark = true;
    this.#drop();
    this.#from.resume();
  }

  /** From now on nothing is read, and nothing passes. */
  stall(): void {
    this.#stalled = true;
    this.#drop();
    this.#from.pause();
  }

  /** Nothing is written any more; what comes is thrown away. */
  close(): void {
    this.#closed = true;
    this.#drop();
    this.#from.resume();
  }

  #drop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue.length = 0;
    this.#merging = [];
    this.#queuedBytes = this.#mergingBytes = 0;
  }

  #take(chunk: Uint8Array): void {
    this.taken += chunk.length;
    if (this.#dark || this.#closed) return;
    const { mergeBytes } = this.#faults;
    if (mergeBytes !== undefined) {
      this.#merging.push(chunk);
      this.#mergingBytes += chunk.length;
      if (this.#mergingBytes < mergeBytes) return;
      this.#release();
    } else {
      this.#put(chunk);
    }
    this.#flow();
  }

  #takeEnd(): void {
    if (this.#dark || this.#closed) return;
    this.#release();
    this.#queue.push({ bytes: undefined, due: this.#due(0) });
    this.#flow();
  }

  #release(): void {
    if (this.#mergingBytes === 0) return;
    const whole = new Uint8Array(this.#mergingBytes);
    let at = 0;
    for (const part of this.#merging) {
      whole.set(part, at);
      at += part.length;
    }
    this.#merging = [];
    this.#mergingBytes = 0;
    this.#put(whole);
  }

  #put(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + this.#pieceBytes(chunk.length - at));
      this.#queue.push({ bytes: piece, due: this.#due(piece.length) });
      this.#queuedBytes += piece.length;
      at += piece.length;
    }
  }

  #pieceBytes(left: number): number {
    const { pieceBytes, bytesPerSecond } = this.#faults;
    if (typeof pieceBytes === "number") return pieceBytes;
    if (pieceBytes !== undefined) {
      return pieceBytes[0] + this.#config.random(pieceBytes[1] - pieceBytes[0] + 1);
    }
    // A slow line delivers a little at a time: a hundredth of a second's worth.
    return bytesPerSecond === undefined ? left : Math.max(1, Math.ceil(bytesPerSecond / 100));
  }

  /** When a piece of so many bytes is to leave: never before the one in front of it. */
  #due(bytes: number): number {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond } = this.#faults;
    const jitter = jitterMs === 0 ? 0 : this.#config.random(jitterMs * 1000 + 1) / 1000;
    const earliest = this.#config.clock.now() + delayMs + jitter;
    const onLine = bytesPerSecond === undefined ? 0 : bytes * 1000 / bytesPerSecond;
    return this.#last = Math.max(earliest, this.#last) + onLine;
  }

  /** Writes what is due, and comes back for what is not. */
  #flow(): void {
    while (!this.#closed && !this.#dark && !this.#stalled) {
      const piece = this.#queue[0];
      if (piece === undefined) break;
      const wait = piece.due - this.#config.clock.now();
      if (wait > 0) {
        this.#timer ??= this.#config.clock.after(wait, () => {
          this.#timer = undefined;
          this.#flow();
        });
        break;
      }
      if (this.#to.writableNeedDrain) break;
      this.#queue.shift();
      if (piece.bytes === undefined) {
        this.#to.end();
        return;
      }
      this.#queuedBytes -= piece.bytes.length;
      this.#write(piece.bytes);
    }
    if (this.#closed || this.#dark || this.#stalled) return;
    if (this.#queuedBytes > HELD_BYTES) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }

  /** Writes a piece up to the place where something happens, and lets it happen. */
  #write(bytes: Uint8Array): void {
    const { place, happen } = this.#next();
    const left = Math.max(0, place - this.passed);
    const part = bytes.subarray(0, left);
    this.passed += part.length;
    if (bytes.length < left) {
      this.#to.write(part);
      return;
    }
    if (happen === undefined) return;
    // What stood before the place arrives; then it happens. Nothing passes meanwhile.
    this.#dark = true;
    // A reset on the heels of bytes becomes an end on some systems: they are read first.
    if (part.length > 0) this.#to.write(part, () => setTimeout(happen, READ_FIRST_MS));
    else happen();
  }

  #next(): { readonly place: number; readonly happen: (() => void) | undefined } {
    const { cutAt, resetAt, blackHoleAt, stallAt, halfOpenAt } = this.#faults;
    const { end } = this.#config;
    const all: [place: number | undefined, happen: () => void][] = [
      [resetAt, () => end.reset()],
      [cutAt, () => end.cut()],
      [halfOpenAt, () => end.halfOpen()],
      [blackHoleAt, () => this.blackHole()],
      [stallAt, () => {
        this.#dark = false;
        this.stall();
      }],
    ];
    let place = Infinity;
    let happen: (() => void) | undefined;
    for (const [at, what] of all) {
      if (at !== undefined && at < place) [place, happen] = [at, what];
    }
    return { place, happen };
  }
}
