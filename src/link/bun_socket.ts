/**
 * A link over a socket of `Bun.listen` and `Bun.connect`, which writes what fits and says how much that was.
 *
 * @module
 */
import type { Address, Link, LinkEnds, LinkReceiver, SocketOptions } from "./link.ts";
import { formatAddress, linkError } from "./net_errors.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** The part of Bun's sockets that is used here. */
export interface BunSocket {
  data: unknown;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** @returns How many bytes the system took: 0 when its buffer is full, -1 when it is closed. */
  write(bytes: Uint8Array): number;
  /** Sends the end of this side's stream. */
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(noDelay: boolean): void;
  setKeepAlive(enable: boolean, delayMs: number): void;
}

/** What a socket's handlers call. */
interface Handlers<Data> {
  data(socket: { readonly data: Data }, chunk: Uint8Array): void;
  drain(socket: { readonly data: Data }): void;
  end(socket: { readonly data: Data }): void;
  close(socket: { readonly data?: Data }, error?: unknown): void;
  error(socket: { readonly data?: Data }, error: unknown): void;
}

interface BunNamespace {
  listen(options: object): { readonly hostname: string; readonly port: number; stop(): void };
  connect(options: object): Promise<BunSocket>;
}

/** What of Bun is used. */
export const bun = (): BunNamespace =>
  (globalThis as unknown as { readonly Bun: BunNamespace }).Bun;

/** Asked once, of an open socket: a closed one does not know any more. */
export function endsOf(socket: BunSocket, transport: string): LinkEnds {
  return {
    transport,
    local: { hostname: socket.localAddress, port: socket.localPort },
    remote: { hostname: socket.remoteAddress, port: socket.remotePort },
  };
}

/** Has a socket of TCP behave as it was asked for. */
export function configure(
  socket: BunSocket,
  { noDelay = true, keepAliveMs = 0 }: SocketOptions,
): void {
  socket.setNoDelay(noDelay);
  if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs);
}

/** Links that write when all sockets that were ready have been read. */
const writeTurn = new WriteTurn(setImmediate);

/** A connection by a socket of Bun. */
export class BunLink implements Link, DueLink {
  readonly transport: string;
  readonly local: Address;
  readonly remote: Address;
  protected socket: BunSocket;
  #putsOff: boolean;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  /** What of the write under way the system has not taken. */
  #rest: Uint8Array | undefined;
  #paused = true;
  /** What came while nobody took it. */
  #early: Uint8Array[] = [];
  #ended = false;
  #peerEnded = false;
  #peerEndIsTold = false;
  #isGone = false;
  #closed: { readonly cause: Error | undefined } | undefined;

  /**
   * The link of a socket that has just been opened; it is not read from until the link is started.
   *
   * @param putsOff Whether writes wait for the end of the turn: an accepted one's do.
   */
  constructor(socket: BunSocket, putsOff: boolean, { transport, local, remote }: LinkEnds) {
    this.socket = socket;
    this.#putsOff = putsOff;
    this.transport = transport;
    this.local = local;
    this.remote = remote;
    socket.pause();
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    if (this.#closed !== undefined) this.#tellClosed(this.#closed.cause);
    else this.resume();
  }

  pause(): void {
    this.#paused = true;
    if (this.#closed === undefined) this.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#closed !== undefined) return;
    this.socket.resume();
    if (this.#early.length > 0 || this.#peerEnded) queueMicrotask(() => this.#deliver());
  }

  writeAtOnce(): void {
    this.#putsOff = false;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return true;
    if (this.#putsOff) {
      this.#due = bytes;
      writeTurn.add(this);
      return false;
    }
    return this.#send(bytes);
  }

  writeDue(): void {
    const bytes = this.#due!;
    this.#due = undefined;
    if (this.#closed === undefined && this.#send(bytes)) this.#sent();
  }

  get unsentBytes(): number {
    return (this.#rest ?? this.#due)?.length ?? 0;
  }

  end(): void {
    if (this.#ended || this.#closed !== undefined) return;
    this.#ended = true;
    this.#endIfSent();
  }

  abort(): void {
    if (this.#closed !== undefined) return;
    this.#close(undefined);
    this.socket.terminate();
  }

  // What the socket's handlers call.

  /** Bytes came, in memory that is not used again. */
  data(chunk: Uint8Array): void {
    if (this.#closed !== undefined) return;
    // Bun still hands on what it has read when it was paused.
    if (this.#paused || this.#early.length > 0) this.#early.push(chunk);
    else this.#receiver!.data(chunk);
  }

  peerEnded(): void {
    this.#peerEnded = true;
    this.#deliver();
  }

  /** The system takes bytes again. */
  drained(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#closed !== undefined) return;
    if (this.#send(rest)) this.#sent();
  }

  /** The socket is gone. */
  closed(error: unknown): void {
    if (error) {
      const { hostname, port } = this.remote;
      this.#close(this.explain(error, formatAddress(hostname, port)));
    } else {
      // Once this side has ended, Bun does not tell of the peer's end but by closing.
      this.#isGone = true;
      this.peerEnded();
    }
  }

  /** What a failure of the socket is in the library's codes. */
  protected explain(error: unknown, where: string): Error {
    return linkError(error, where);
  }

  /** Whether it is closed. */
  protected get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Takes what has come and was not handed on. */
  protected takeEarly(): Uint8Array[] {
    return this.#early.splice(0);
  }

  #close(cause: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause };
    if (this.#receiver !== undefined) this.#tellClosed(cause);
  }

  #tellClosed(cause: Error | undefined): void {
    queueMicrotask(() => this.#receiver!.closed(cause));
  }

  /** @returns Whether the system took everything. */
  #send(bytes: Uint8Array): boolean {
    const sent = this.socket.write(bytes);
    if (sent < 0) {
      // A paused socket does not tell of a reset by itself.
      this.closed(Object.assign(new Error("the peer has left"), { code: "ECONNRESET" }));
      return true;
    }
    this.#rest = sent < bytes.length ? bytes.subarray(sent) : undefined;
    return this.#rest === undefined;
  }

  #sent(): void {
    this.#endIfSent();
    if (this.#closed === undefined) this.#receiver!.written();
  }

  #endIfSent(): void {
    if (!this.#ended || this.#rest !== undefined || this.#due !== undefined) return;
    this.socket.shutdown();
    if (this.#peerEndIsTold) this.#close(undefined);
  }

  #deliver(): void {
    while (!this.#paused && this.#closed === undefined) {
      const chunk = this.#early.shift();
      if (chunk === undefined) break;
      this.#receiver!.data(chunk);
    }
    const isOver = this.#peerEnded && this.#early.length === 0 && this.#receiver !== undefined;
    if (!isOver || this.#closed !== undefined) return;
    if (!this.#peerEndIsTold) {
      this.#peerEndIsTold = true;
      this.#receiver!.ended();
      this.#endIfSent();
    }
    if (this.#isGone) this.#close(undefined);
  }
}

/** The handlers of all sockets: a socket's `data` is its link. */
export const HANDLERS: Handlers<BunLink> = {
  data: ({ data: link }, chunk) => link.data(chunk),
  drain: ({ data: link }) => link.drained(),
  end: ({ data: link }) => link.peerEnded(),
  close: ({ data: link }, error) => link?.closed(error),
  error: ({ data: link }, error) => link?.closed(error),
};
