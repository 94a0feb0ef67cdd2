/**
 * TCP by `Bun.listen` and `Bun.connect`.
 *
 * @module
 */
import { AcceptQueue } from "./accept_queue.ts";
import { bunCapabilities } from "./bun_capabilities.ts";
import type {
  Address,
  ConnectTarget,
  Link,
  LinkReceiver,
  Listener,
  ListenerEvents,
  ListenTarget,
  SocketOptions,
  Transport,
} from "./link.ts";
import { connectError, formatAddress, linkError, listenError } from "./net_errors.ts";
import { nodeTcp } from "./node_tcp.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** The part of Bun's sockets that is used here. */
interface BunSocket {
  data: BunTcpLink;
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

interface BunNamespace {
  listen(options: object): { readonly hostname: string; readonly port: number; stop(): void };
  connect(options: object): Promise<BunSocket>;
}

/** Links that write when all sockets that were ready have been read. */
const writeTurn = new WriteTurn(setImmediate);

/** A TCP connection. */
class BunTcpLink implements Link, DueLink {
  readonly transport = "tcp";
  readonly #socket: BunSocket;
  /** Asked once: a closed socket does not know any more. */
  readonly local: Address;
  readonly remote: Address;
  #putsOff: boolean;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  /** What of the write under way the system has not taken. */
  #rest: Uint8Array | undefined;
  #paused = true;
  #early: Uint8Array[] = [];
  #ended = false;
  #peerEnded = false;
  #peerEndIsTold = false;
  #isGone = false;
  #closed: { readonly cause: Error | undefined } | undefined;

  constructor(socket: BunSocket, putsOff: boolean, options: SocketOptions) {
    this.#socket = socket;
    this.#putsOff = putsOff;
    this.local = { hostname: socket.localAddress, port: socket.localPort };
    this.remote = { hostname: socket.remoteAddress, port: socket.remotePort };
    const { noDelay = true, keepAliveMs = 0 } = options;
    socket.setNoDelay(noDelay);
    if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs);
    socket.pause();
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    if (this.#closed !== undefined) this.#tellClosed(this.#closed.cause);
    else this.resume();
  }

  pause(): void {
    this.#paused = true;
    if (this.#closed === undefined) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#closed !== undefined) return;
    this.#socket.resume();
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
    this.#socket.terminate();
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
      this.#close(linkError(error, formatAddress(hostname, port)));
    } else {
      // Once this side has ended, Bun does not tell of the peer's end but by closing.
      this.#isGone = true;
      this.peerEnded();
    }
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
    const sent = this.#socket.write(bytes);
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
    this.#socket.shutdown();
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
const HANDLERS = {
  data: ({ data: link }: BunSocket, chunk: Uint8Array) => link.data(chunk),
  drain: ({ data: link }: BunSocket) => link.drained(),
  end: ({ data: link }: BunSocket) => link.peerEnded(),
  close: ({ data: link }: Partial<BunSocket>, error?: unknown) => link?.closed(error),
  error: ({ data: link }: Partial<BunSocket>, error: unknown) => link?.closed(error),
};

const bun = (): BunNamespace => (globalThis as unknown as { readonly Bun: BunNamespace }).Bun;

/** TCP of the Bun runtime; TLS, Unix sockets and WebSocket by its `node:` modules. */
export const bunTcp: Transport = {
  capabilities: bunCapabilities,

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen(target: ListenTarget, events: ListenerEvents): Promise<Listener> {
    const { tls, unixPath, webSocketPath, hostname, port, backlog, reusePort } = target;
    if (tls !== undefined || unixPath !== undefined || webSocketPath !== undefined) {
      return nodeTcp.listen(target, events);
    }
    const queue = new AcceptQueue(events, backlog);
    try {
      const listener = bun().listen({
        hostname,
        port,
        backlog,
        allowHalfOpen: true,
        ...(reusePort && { reusePort }),
        exclusive: !reusePort,
        socket: {
          ...HANDLERS,
          open(socket: BunSocket) {
            socket.data = new BunTcpLink(socket, true, target);
            queue.accepted(socket.data);
          },
        },
      });
      return {
        address: { hostname: listener.hostname, port: listener.port },
        pause: () => queue.pause(),
        resume: () => queue.resume(),
        close() {
          queue.close();
          listener.stop();
          return Promise.resolve();
        },
      };
    } catch (error) {
      throw listenError(error, hostname, port);
    }
  },

  async connect(target: ConnectTarget): Promise<Link> {
    const { tls, unixPath, webSocketPath, hostname, port, signal } = target;
    if (tls !== undefined || unixPath !== undefined || webSocketPath !== undefined) {
      return nodeTcp.connect(target);
    }
    try {
      const socket = await bun().connect({
        hostname,
        port,
        allowHalfOpen: true,
        socket: {
          ...HANDLERS,
          open: (opened: BunSocket) => opened.data = new BunTcpLink(opened, false, target),
        },
      });
      // Bun cannot give up connecting: what comes too late is closed.
      if (signal?.aborted) socket.data.abort();
      return socket.data;
    } catch (error) {
      throw connectError(error, hostname, port);
    }
  },
};
