/**
 * TCP by `node:net`.
 *
 * @module
 */
import * as net from "node:net";
import { AcceptQueue } from "./accept_queue.ts";
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
import { acceptError, connectError, formatAddress, linkError, listenError } from "./net_errors.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** Immediates run when all sockets that were ready have been read. */
const writeTurn = new WriteTurn(setImmediate);

/** Options of a socket that reads into a buffer of ours; `handle` is not public. */
interface HandleOptions {
  readonly handle?: never;
  readonly allowHalfOpen: true;
  readonly onread: net.OnReadOpts;
  readonly writableHighWaterMark?: number;
}

/** The link of a socket: its listeners are shared by all, and find it here. */
const link: unique symbol = Symbol("link");

interface LinkedSocket extends net.Socket {
  [link]?: NodeTcpLink;
}

/** A connection over a Node socket. */
class NodeTcpLink implements Link, DueLink {
  readonly transport = "tcp";
  #putsOff: boolean;
  #socket: LinkedSocket | undefined;
  #remote: Address | undefined;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  #buffer: ReadBuffer | undefined;
  /** Whether the next read goes to another piece of memory than the last one. */
  #moved = true;
  #waiting = false;
  #error: Error | undefined;

  /**
   * @param putsOff Whether writes wait for the end of the turn: those of a client, which come in one
   * piece for all of its calls, gain nothing by it.
   */
  constructor(putsOff: boolean) {
    this.#putsOff = putsOff;
  }

  /**
   * The `onread` option of the link's socket: Node reads into what `buffer` returns and calls
   * `callback`; then it asks for another buffer, and keeps the old one when it gets none.
   */
  get onread(): net.OnReadOpts {
    this.#buffer = new ReadBuffer();
    return {
      buffer: (() => this.#nextBuffer()) as () => Uint8Array,
      callback: (bytes, memory) => this.#read(bytes, memory as Uint8Array),
    };
  }

  /** Binds it to its socket. */
  bind(socket: LinkedSocket): this {
    this.#socket = socket;
    // Asked now: a closed socket does not know any more.
    this.#remote = { hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    socket[link] = this;
    socket.on("error", onError);
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
    if (this.#buffer === undefined) socket.on("data", onData);
    socket.on("end", onEnd).on("drain", onDrain).on("close", onClose).resume();
  }

  pause(): void {
    this.#socket!.pause();
  }

  resume(): void {
    this.#socket!.resume();
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
    return this.#send(bytes);
  }

  writeDue(): void {
    const bytes = this.#due!;
    this.#due = undefined;
    if (!this.#socket!.destroyed && this.#send(bytes)) this.#receiver!.written();
  }

  #send(bytes: Uint8Array): boolean {
    const socket = this.#socket!;
    socket.write(bytes);
    // libuv tries to send at once. When that sent everything, Node has already counted it off.
    if (socket.writableLength === 0) return true;
    this.#waiting = true;
    return false;
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

  drained(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#receiver!.written();
  }

  failed(error: Error): void {
    this.#error = error;
  }

  closed(): void {
    const { hostname, port } = this.remote;
    const where = formatAddress(hostname, port);
    this.#receiver!.closed(this.#error && linkError(this.#error, where));
  }

  #nextBuffer(): Uint8Array | undefined {
    if (!this.#moved) return undefined;
    this.#moved = false;
    return this.#buffer!.view;
  }

  #read(bytes: number, memory: Uint8Array): boolean {
    const receiver = this.#receiver!;
    const kept = receiver.data(bytes === memory.length ? memory : memory.subarray(0, bytes));
    this.#moved = this.#buffer!.took(bytes, kept, receiver);
    return true;
  }
}

function onError(this: LinkedSocket, error: Error): void {
  this[link]!.failed(error);
}

function onData(this: LinkedSocket, chunk: Uint8Array): void {
  this[link]!.data(chunk);
}

function onEnd(this: LinkedSocket): void {
  this[link]!.ended();
}

function onDrain(this: LinkedSocket): void {
  this[link]!.drained();
}

function onClose(this: LinkedSocket): void {
  this[link]!.closed();
}

/** Every write asks for `drain`, so that the one that did not leave at once is heard of. */
const ALWAYS_DRAIN = 1;

/**
 * Takes an accepted socket over.
 *
 * `net.createServer` has no `onread`, which saves an allocation and a stream event per read: the
 * socket's handle moves to one that has. Runtimes without a handle (Bun) read by `data` events.
 */
function takeOver(accepted: net.Socket): NodeTcpLink {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  if (typeof handle !== "object" || handle === null || !("readStart" in handle)) {
    return new NodeTcpLink(true).bind(accepted);
  }
  holder._handle = null;
  accepted.destroy(); // gives up its place in the server's count, and nothing else
  const taken = new NodeTcpLink(true);
  const options: HandleOptions = {
    handle: handle as never,
    allowHalfOpen: true,
    onread: taken.onread,
    writableHighWaterMark: ALWAYS_DRAIN,
  };
  return taken.bind(new net.Socket(options));
}

/** How Node names the options of a socket. */
function socketOptions({ noDelay = true, keepAliveMs = 0 }: SocketOptions) {
  return { noDelay, keepAlive: keepAliveMs > 0, keepAliveInitialDelay: keepAliveMs };
}

/** TCP of the Node runtime. */
export const nodeTcp: Transport = {
  listen(target: ListenTarget, events: ListenerEvents) {
    const { hostname, port, backlog } = target;
    return new Promise<Listener>((resolve, reject) => {
      const queue = new AcceptQueue(events, backlog);
      const server = net.createServer(
        { allowHalfOpen: true, pauseOnConnect: true, ...socketOptions(target) },
        (socket) => queue.accepted(takeOver(socket)),
      );
      const refuse = (error: Error) => reject(listenError(error, hostname, port));
      server.once("error", refuse);
      server.listen({ host: hostname, port, backlog }, () => {
        server.off("error", refuse);
        // libuv goes on accepting by itself. Out of descriptors, it closes what it cannot take, and
        // Node never hears of it.
        server.on("error", (error) => events.failed(acceptError(error)));
        const bound = server.address() as net.AddressInfo;
        resolve({
          address: { hostname: bound.address, port: bound.port },
          pause: () => queue.pause(),
          resume: () => queue.resume(),
          close: () => {
            queue.close();
            return new Promise((closed) => server.close(() => closed()));
          },
        });
      });
    });
  },

  connect(target: ConnectTarget) {
    const { hostname, port, signal } = target;
    return new Promise<Link>((resolve, reject) => {
      const dialed = new NodeTcpLink(false);
      const options: net.NetConnectOpts & HandleOptions = {
        host: hostname,
        port,
        ...socketOptions(target),
        allowHalfOpen: true,
        onread: dialed.onread,
        writableHighWaterMark: ALWAYS_DRAIN,
      };
      const socket = net.connect(options);
      const abort = () => socket.destroy();
      const refuse = (error: Error) => reject(connectError(error, hostname, port));
      signal?.addEventListener("abort", abort, { once: true });
      socket.once("error", refuse);
      socket.once("connect", () => {
        signal?.removeEventListener("abort", abort);
        socket.off("error", refuse);
        socket.pause();
        resolve(dialed.bind(socket));
      });
    });
  },
};
