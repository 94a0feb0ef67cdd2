/**
 * A link over a socket of `node:net`, and over what is built upon one.
 *
 * @module
 */
import * as net from "node:net";
import type { Address, Link, LinkReceiver } from "./link.ts";
import { formatAddress, linkError } from "./net_errors.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { type DueReader, readTurn } from "./read_turn.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** Immediates run when all sockets that were ready have been read. */
const writeTurn = new WriteTurn(setImmediate);

/** The link of a socket: its listeners are shared by all, and find it here. */
const link: unique symbol = Symbol("link");

/** A socket that a link is bound to. */
export interface LinkedSocket extends net.Socket {
  [link]?: SocketLink;
}

/** A connection over a Node socket: TCP, or what looks like it. */
export class SocketLink implements Link, DueLink, DueReader {
  #putsOff: boolean;
  #socket: LinkedSocket | undefined;
  #remote: Address | undefined;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  bulkTurn = 0;
  #buffer: ReadBuffer | undefined;
  /** Whether the next read goes to another piece of memory than the last one. */
  #moved = true;
  #paused = false;
  /** Whether it waits for its turn to read. */
  #waits = false;
  #error: Error | undefined;

  /**
   * @param putsOff Whether writes wait for the end of the turn: those of a client, which come in one
   * piece for all of its calls, gain nothing by it.
   */
  constructor(putsOff: boolean) {
    this.#putsOff = putsOff;
  }

  get transport(): string {
    return "tcp";
  }

  /**
   * The `onread` option of the link's socket: Node reads into what `buffer` returns and calls
   * `callback`; then it asks for another buffer, and keeps the old one when it gets none.
   */
  get onread(): net.OnReadOpts {
    this.#buffer = new ReadBuffer();
    return {
      buffer: (() => this.#nextBuffer()) as () => Uint8Array,
      callback: (bytes) => this.#read(bytes),
    };
  }

  /**
   * The same for an accepted socket, whose handle is there when the socket is made: two functions for
   * all of them, where those above cost each idle connection 0.2 KB.
   */
  get sharedOnread(): net.OnReadOpts {
    this.#buffer = new ReadBuffer();
    nextBuffer = this.#nextBuffer();
    return SHARED_ONREAD;
  }

  /** Binds it to its socket. */
  bind(socket: LinkedSocket): this {
    this.#socket = socket;
    // Asked now: a closed socket does not know any more.
    this.#remote = { hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    socket[link] = this;
    if (!(socket instanceof LinkSocket)) socket.on("error", onError);
    return this;
  }

  get local(): Address {
    const socket = this.#socket!;
    return { hostname: socket.localAddress ?? "", port: socket.localPort ?? 0 };
  }

  get remote(): Address {
    return this.#remote!;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    const socket = this.#socket!;
    if (!(socket instanceof LinkSocket)) {
      if (this.#buffer === undefined) socket.on("data", onData);
      socket.on("end", onEnd).on("close", onClose);
    }
    socket.resume();
  }

  pause(): void {
    this.#paused = true;
    this.#socket!.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#waits) this.#socket!.resume();
  }

  readDue(): void {
    this.#waits = false;
    if (!this.#paused) this.#socket!.resume();
  }

  writeAtOnce(): void {
    this.#putsOff = false;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#putsOff) {
      this.#due = bytes;
      writeTurn.add(this);
      return false;
    }
    return this.transmit(this.#socket!, bytes);
  }

  writeDue(): void {
    const bytes = this.#due!;
    this.#due = undefined;
    const socket = this.#socket!;
    if (!socket.destroyed && this.transmit(socket, bytes)) this.#receiver!.written();
  }

  /**
   * Writes without the queue of `Writable` in between, since there is one above.
   *
   * @returns Whether everything has left; if not, `sent` is called when it has.
   */
  protected transmit(socket: net.Socket, bytes: Uint8Array): boolean {
    let all = false;
    let later = false;
    socket._write(bytes, "buffer" as BufferEncoding, (error) => {
      if (error) socket.destroy(error);
      else if (!later) all = true; // libuv tries at once, and mostly all of it leaves
      else if (!socket.destroyed) this.sent();
    });
    later = true;
    return all;
  }

  /** What `transmit` could not send at once has left. */
  protected sent(): void {
    this.#receiver!.written();
  }

  /** What a failure of the socket is in the library's codes. */
  protected explain(error: Error, where: string): Error {
    return linkError(error, where);
  }

  get unsentBytes(): number | undefined {
    // Not public, but what `socket.setTimeout` itself goes by: libuv's count of what is not sent.
    const { _handle: handle } = this.#socket as unknown as {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    return handle?.writeQueueSize;
  }

  end(): void {
    this.#socket!.end();
  }

  abort(): void {
    this.#socket!.destroy();
  }

  // What the socket's listeners call.

  /** Bytes came, in memory that is not used again. */
  data(chunk: Uint8Array): void {
    this.#receiver!.data(chunk);
  }

  ended(): void {
    this.#receiver!.ended();
  }

  failed(error: Error): void {
    this.#error = error;
  }

  closed(): void {
    const { hostname, port } = this.remote;
    const where = formatAddress(hostname, port);
    this.#buffer?.release();
    // One that was never read from has nobody to tell.
    this.#receiver?.closed(this.#error && this.explain(this.#error, where));
  }

  /** Bytes came into memory of `sharedOnread`. */
  readShared(bytes: number): boolean {
    const goesOn = this.#read(bytes);
    nextBuffer = this.#nextBuffer();
    return goesOn;
  }

  #nextBuffer(): Uint8Array | undefined {
    if (!this.#moved) return undefined;
    this.#moved = false;
    return this.#buffer!.view;
  }

  /** Returns whether the socket goes on reading. */
  #read(bytes: number): boolean {
    const buffer = this.#buffer!;
    const room = buffer.view.length;
    try {
      this.#moved = buffer.give(bytes, this.#receiver!);
    } catch (error) {
      this.#socket!.destroy(error as Error);
    }
    this.#waits = !readTurn.mayRead(this, bytes, room);
    return !this.#waits;
  }
}

/** An accepted socket. It tells its link what happens without listeners, which each would have to hold. */
export class LinkSocket extends net.Socket {
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // The socket itself listens for some of them, and is told first.
    const heard = event !== "error" && super.emit(event, ...args);
    const told = (this as LinkedSocket)[link]!;
    switch (event) {
      case "end":
        told.ended();
        return true;
      case "close":
        told.closed();
        return true;
      case "error":
        told.failed(args[0] as Error);
        return true;
    }
    return heard;
  }
}

/** The other memory for the socket that asks for it now: each does right after its callback. */
let nextBuffer: Uint8Array | undefined;

const SHARED_ONREAD: net.OnReadOpts = {
  buffer: (() => {
    const buffer = nextBuffer;
    nextBuffer = undefined;
    return buffer;
  }) as () => Uint8Array,
  // Node calls it as a method of the socket, though it does not say so.
  callback(this: unknown, bytes) {
    return (this as LinkedSocket)[link]!.readShared(bytes);
  },
};

function onError(this: LinkedSocket, error: Error): void {
  this[link]!.failed(error);
}

function onData(this: LinkedSocket, chunk: Uint8Array): void {
  this[link]!.data(chunk);
}

function onEnd(this: LinkedSocket): void {
  this[link]!.ended();
}

function onClose(this: LinkedSocket): void {
  this[link]!.closed();
}
