/**
 * The other end of a connection, played by hand: it knows bytes and nothing of frames.
 *
 * @module
 */

import * as net from "node:net";
import type { Link, Transport } from "../../src/link/link.ts";
import { join } from "./frames.ts";
import { deferred } from "./runtime.ts";

/** What a peer is made of: a socket of `node:net`, or a link in memory. */
interface Wire {
  write(bytes: Uint8Array): void;
  end(): void;
  reset(): void;
  pause(): void;
  resume(): void;
}

/** One end that a test plays. */
export class Peer {
  #wire!: Wire;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #waiters: { readonly bytes: number; readonly resolve: () => void }[] = [];
  readonly #ended = deferred();
  readonly #closed = deferred<Error | undefined>();
  isEnded = false;
  isClosed = false;
  /** How many pieces the bytes came in. */
  pieces = 0;

  /** Settles when the other end has sent its end, or the connection is closed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Settles when the connection is closed, with what broke it. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** All that has come so far. */
  get received(): Uint8Array {
    const whole = join(...this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  /** How many bytes have come so far. */
  get receivedBytes(): number {
    return this.#bytes;
  }

  write(bytes: Uint8Array): void {
    this.#wire.write(bytes);
  }

  /** Sends this side's end; reading goes on. */
  end(): void {
    this.#wire.end();
  }

  /** Breaks the connection by a reset. */
  reset(): void {
    this.#wire.reset();
  }

  /** Stops reading. */
  pause(): void {
    this.#wire.pause();
  }

  resume(): void {
    this.#wire.resume();
  }

  /** The first `bytes` bytes, when they have come; less when the connection ends before. */
  async read(bytes: number): Promise<Uint8Array> {
    if (this.#bytes < bytes && !this.isEnded) {
      await new Promise<void>((resolve) => this.#waiters.push({ bytes, resolve }));
    }
    return this.received.slice(0, bytes);
  }

  /** All that the other end sends until its end. */
  async readToEnd(): Promise<Uint8Array> {
    await this.ended;
    return this.received;
  }

  #took(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
    this.#bytes += chunk.length;
    this.pieces++;
    this.#wake();
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter(({ bytes, resolve }) => {
      const done = this.isEnded || this.#bytes >= bytes;
      if (done) resolve();
      return !done;
    });
  }

  #end(): void {
    this.isEnded = true;
    this.#ended.resolve();
    this.#wake();
  }

  #close(cause: Error | undefined): void {
    this.isClosed = true;
    this.#end();
    this.#closed.resolve(cause);
  }

  /** A peer over a socket. */
  static ofSocket(socket: net.Socket): Peer {
    const peer = new Peer();
    peer.#wire = {
      write: (bytes) => void socket.write(bytes),
      end: () => void socket.end(),
      // A reset behind a write under way becomes an end on some runtimes: let the write leave first.
      reset: () => void setImmediate(() => socket.resetAndDestroy()),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
    };
    let broken: Error | undefined;
    socket.on("data", (chunk: Uint8Array) => peer.#took(chunk));
    socket.on("end", () => peer.#end());
    socket.on("error", (error: Error) => broken = error);
    socket.on("close", () => peer.#close(broken));
    return peer;
  }

  /** A peer over a link. */
  static ofLink(link: Link): Peer {
    const peer = new Peer();
    let writing = false;
    let ending = false;
    const queue: Uint8Array[] = [];
    const flush = () => {
      while (!writing && queue.length > 0) writing = !link.write(queue.shift()!);
      if (ending && !writing) link.end();
    };
    peer.#wire = {
      write: (bytes) => {
        queue.push(bytes);
        flush();
      },
      end: () => {
        ending = true;
        flush();
      },
      reset: () => link.abort(),
      pause: () => link.pause(),
      resume: () => link.resume(),
    };
    link.start({
      data: (chunk) => {
        peer.#took(chunk);
        return false;
      },
      ended: () => peer.#end(),
      written: () => {
        writing = false;
        flush();
      },
      closed: (cause) => peer.#close(cause),
    });
    return peer;
  }
}

/** Connects a peer: by a socket, or over a transport. */
export async function peerTo(
  port: number,
  transport?: Transport,
  hostname = "127.0.0.1",
): Promise<Peer> {
  if (transport !== undefined) return Peer.ofLink(await transport.connect({ hostname, port }));
  return await new Promise<Peer>((resolve, reject) => {
    const socket = net.connect({ port, host: hostname, noDelay: true, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(Peer.ofSocket(socket));
    });
  });
}

/** A listener whose connections a test plays. */
export interface PeerServer {
  readonly port: number;
  /** The next connection. */
  next(): Promise<Peer>;
  close(): Promise<void>;
}

/** Listens, by sockets or over a transport. */
export async function listen(transport?: Transport): Promise<PeerServer> {
  const came: Peer[] = [];
  const waiting: ((peer: Peer) => void)[] = [];
  const take = (peer: Peer) => {
    const first = waiting.shift();
    if (first === undefined) came.push(peer);
    else first(peer);
  };
  const next = () => {
    const peer = came.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise<Peer>((resolve) => waiting.push(resolve));
  };
  if (transport !== undefined) {
    const listener = await transport.listen({ hostname: "127.0.0.1", port: 0, backlog: 16 }, {
      accepted: (link) => take(Peer.ofLink(link)),
      failed: () => {},
    });
    return { port: listener.address.port, next, close: () => listener.close() };
  }
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    take(Peer.ofSocket(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    next,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
