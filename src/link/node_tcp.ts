/**
 * TCP by `node:net`.
 *
 * @module
 */
import * as net from "node:net";
import type {
  Address,
  ConnectTarget,
  Link,
  LinkReceiver,
  Listener,
  ListenerEvents,
  ListenTarget,
  Transport,
} from "./link.ts";
import { acceptError, connectError, formatAddress, linkError, listenError } from "./net_errors.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** Options of a socket that reads into a buffer of ours; `handle` is not public. */
interface SocketOptions {
  readonly handle?: never;
  readonly allowHalfOpen: true;
  readonly onread: net.OnReadOpts;
  readonly writableHighWaterMark?: number;
}

/** What a socket and its link have to do with each other before the socket exists. */
class Reading {
  readonly buffer = new ReadBuffer();
  link: NodeTcpLink | undefined;

  /**
   * The `onread` option: Node reads into `buffer` and calls `callback`; then it asks for another
   * buffer, and goes on with the old one when it gets none.
   */
  readonly onread: net.OnReadOpts = {
    buffer: (() => this.#first()) as () => Uint8Array,
    callback: (bytes, memory) => this.#data(bytes, memory as Uint8Array<ArrayBuffer>),
  };
  #changed = true;

  #first(): Uint8Array | undefined {
    if (!this.#changed) return undefined;
    this.#changed = false;
    return this.buffer.view;
  }

  #data(bytes: number, memory: Uint8Array): boolean {
    const kept = this.link!.data(bytes === memory.length ? memory : memory.subarray(0, bytes));
    this.#changed = this.buffer.took(bytes, kept);
    return true;
  }
}

/** A connection over a Node socket. */
class NodeTcpLink implements Link {
  readonly transport = "tcp";
  readonly local: Address;
  readonly remote: Address;
  readonly #socket: net.Socket;
  #receiver!: LinkReceiver;
  #waiting = false;
  #error: Error | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.local = { hostname: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    this.remote = { hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    socket.on("error", (error) => this.#error = error);
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    const socket = this.#socket;
    socket.on("end", () => receiver.ended());
    socket.on("drain", () => {
      if (!this.#waiting) return;
      this.#waiting = false;
      receiver.written();
    });
    socket.on("close", () => {
      const { hostname, port } = this.remote;
      receiver.closed(
        this.#error === undefined
          ? undefined
          : linkError(this.#error, formatAddress(hostname, port)),
      );
    });
    socket.resume();
  }

  /** Bytes came. */
  data(chunk: Uint8Array): boolean {
    return this.#receiver.data(chunk);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    socket.write(bytes);
    // libuv tries to send at once. When that sent everything, Node has already counted it off.
    if (socket.writableLength === 0) return true;
    this.#waiting = true;
    return false;
  }

  end(): void {
    this.#socket.end();
  }

  abort(): void {
    this.#socket.destroy();
  }
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
    const link = new NodeTcpLink(accepted);
    accepted.on("data", (chunk) => link.data(chunk as Uint8Array));
    accepted.pause();
    return link;
  }
  holder._handle = null;
  accepted.destroy(); // gives up its place in the server's count, and nothing else
  const reading = new Reading();
  const options: SocketOptions = {
    handle: handle as never,
    allowHalfOpen: true,
    onread: reading.onread,
    writableHighWaterMark: ALWAYS_DRAIN,
  };
  return reading.link = new NodeTcpLink(new net.Socket(options));
}

/** TCP of the Node runtime. */
export const nodeTcp: Transport = {
  listen({ hostname, port, backlog }: ListenTarget, events: ListenerEvents) {
    return new Promise<Listener>((resolve, reject) => {
      const server = net.createServer(
        { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
        (socket) => events.accepted(takeOver(socket)),
      );
      const refuse = (error: Error) => reject(listenError(error, hostname, port));
      server.once("error", refuse);
      server.listen({ host: hostname, port, backlog }, () => {
        server.off("error", refuse);
        // libuv goes on accepting by itself.
        server.on("error", (error) => events.failed(acceptError(error)));
        const bound = server.address() as net.AddressInfo;
        resolve({
          address: { hostname: bound.address, port: bound.port },
          close: () => new Promise((closed) => server.close(() => closed())),
        });
      });
    });
  },

  connect({ hostname, port, signal }: ConnectTarget) {
    return new Promise<Link>((resolve, reject) => {
      const reading = new Reading();
      const options: net.NetConnectOpts & SocketOptions = {
        host: hostname,
        port,
        noDelay: true,
        allowHalfOpen: true,
        onread: reading.onread,
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
        resolve(reading.link = new NodeTcpLink(socket));
      });
    });
  },
};
