/**
 * A network in memory: for tests, examples and programs that talk to themselves.
 *
 * It is stricter than a real one, so that what works here works there: bytes arrive in pieces of
 * any size, and memory that a receiver has not kept is overwritten as soon as it returns.
 *
 * @example A server and a client without a socket
 * ```ts
 * import { connect, serve } from "framewire";
 * import { memoryNetwork } from "framewire/memory";
 *
 * const transport = memoryNetwork();
 * await using server = await serve({ port: 0, transport, protocol: "echo" });
 * const url = `tcp://127.0.0.1:${server.addr.port}`;
 * await using client = await connect(url, { transport, protocol: "echo" });
 * console.log(new TextDecoder().decode(await client.echo("hello")));
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { AcceptQueue } from "./accept_queue.ts";
import type { Address, Link, LinkReceiver, Transport } from "./link.ts";

/** How a network in memory behaves. */
export interface MemoryNetworkOptions {
  /**
   * How many bytes may be under way in one direction before writes wait.
   *
   * @default {65536}
   */
  readonly windowBytes?: number;
  /**
   * Cuts what was written: given how many bytes there are, how many the next piece has (1 or more).
   *
   * @default {(bytes) => bytes}
   */
  readonly pieceBytes?: (bytes: number) => number;
}

/** What overwrites memory that was not kept. */
const POISON = 0xa5;
const FIRST_PORT = 49_152;

/** One direction of a connection. */
class MemoryPipe {
  readonly #options: Required<MemoryNetworkOptions>;
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #pumping = false;
  paused = false;
  closed = false;
  /** The two ends: who wrote and waits, and who reads. */
  writer: LinkReceiver | undefined;
  reader: LinkReceiver | undefined;
  /** Called when the end has been delivered. */
  whenEnded: (() => void) | undefined;
  #waiting = false;

  constructor(options: Required<MemoryNetworkOptions>) {
    this.#options = options;
  }

  write(bytes: Uint8Array): boolean {
    this.#queue.push(bytes.slice());
    this.#bytes += bytes.length;
    this.pump();
    this.#waiting = this.#bytes > this.#options.windowBytes;
    return !this.#waiting;
  }

  /** Bytes on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  end(): void {
    this.#ended = true;
    this.pump();
  }

  /** Delivers what there is, never from within a call of either end. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.closed || this.reader === undefined || this.paused) return;
    const first = this.#queue[0];
    if (first === undefined) {
      if (!this.#ended) return;
      this.#ended = false;
      this.reader.ended();
      this.whenEnded?.();
      return;
    }
    const bytes = Math.min(first.length, Math.max(1, this.#options.pieceBytes(first.length)));
    const piece = first.slice(0, bytes);
    if (bytes === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(bytes);
    this.#bytes -= bytes;
    if (!this.reader.data(piece) && piece.length > 0) piece.fill(POISON); // a detached one has none
    if (this.#waiting && this.#bytes <= this.#options.windowBytes && !this.closed) {
      this.#waiting = false;
      this.writer?.written();
    }
    this.pump();
  }
}

class MemoryLink implements Link {
  readonly transport = "memory";
  readonly local: Address;
  readonly remote: Address;
  readonly #out: MemoryPipe;
  readonly #in: MemoryPipe;
  #receiver: LinkReceiver | undefined;
  peer!: MemoryLink;
  #ended = false;
  #peerEnded = false;
  #closed = false;

  constructor(local: Address, remote: Address, out: MemoryPipe, into: MemoryPipe) {
    this.local = local;
    this.remote = remote;
    this.#out = out;
    this.#in = into;
    into.whenEnded = () => {
      this.#peerEnded = true;
      if (this.#ended) this.close(undefined);
    };
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#in.reader = receiver;
    this.#out.writer = receiver;
    this.#in.pump();
    if (this.#closed) this.#tell(this.#cause);
  }

  pause(): void {
    this.#in.paused = true;
  }

  resume(): void {
    this.#in.paused = false;
    this.#in.pump();
  }

  write(bytes: Uint8Array): boolean {
    return this.#closed || this.#out.write(bytes);
  }

  get unsentBytes(): number {
    return this.#out.bytes;
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#out.end();
    if (this.#peerEnded) this.close(undefined);
  }

  abort(): void {
    if (this.#closed) return;
    this.close(undefined);
    if (this.#ended && this.#peerEnded) return;
    this.#out.closed = true;
    this.peer.close(
      new FramewireError("CONNECTION_RESET", "the peer closed the connection in memory"),
    );
  }

  #cause: Error | undefined;

  close(cause: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cause = cause;
    this.#in.closed = true;
    if (this.#receiver !== undefined) this.#tell(cause);
  }

  #tell(cause: Error | undefined): void {
    queueMicrotask(() => this.#receiver!.closed(cause));
  }
}

/**
 * Makes a network in memory.
 *
 * @param options How it behaves.
 *
 * @example
 * ```ts
 * import { connect, serve } from "framewire";
 * import { memoryNetwork } from "framewire/memory";
 *
 * const transport = memoryNetwork();
 * const server = await serve({ transport, port: 1 }, { submit() {} });
 * const client = await connect("tcp://127.0.0.1:1", { transport });
 * await client.submit("hello");
 * await client.close();
 * await server.shutdown();
 * ```
 */
export function memoryNetwork(options: MemoryNetworkOptions = {}): Transport {
  const settings = { windowBytes: 65_536, pieceBytes: (bytes: number) => bytes, ...options };
  const listeners = new Map<number, (link: Link) => void>();
  let nextPort = FIRST_PORT;
  return {
    // deno-lint-ignore require-await -- so that what is thrown rejects
    async listen({ hostname, port, backlog }, events) {
      const address = { hostname, port: port === 0 ? nextPort++ : port };
      if (listeners.has(address.port)) {
        throw new FramewireError(
          "ADDRESS_IN_USE",
          `cannot listen on port ${address.port} in memory: another server does`,
        );
      }
      const queue = new AcceptQueue(events, backlog);
      const accept = (link: Link) => queue.accepted(link);
      listeners.set(address.port, accept);
      return {
        address,
        pause: () => queue.pause(),
        resume: () => queue.resume(),
        close: () => {
          // Closed twice, the second time another may listen there.
          if (listeners.get(address.port) === accept) listeners.delete(address.port);
          queue.close();
          return Promise.resolve();
        },
      };
    },

    // deno-lint-ignore require-await -- so that what is thrown rejects
    async connect({ hostname, port }) {
      const accept = listeners.get(port);
      if (accept === undefined) {
        throw new FramewireError(
          "CONNECTION_REFUSED",
          `cannot connect to port ${port} in memory: nothing listens there`,
        );
      }
      const there = { hostname, port };
      const here = { hostname: "memory", port: nextPort++ };
      const [up, down] = [new MemoryPipe(settings), new MemoryPipe(settings)];
      const client = new MemoryLink(here, there, up, down);
      const server = new MemoryLink(there, here, down, up);
      client.peer = server;
      server.peer = client;
      queueMicrotask(() => {
        // Who stops listening resets what it has not accepted.
        if (listeners.get(port) === accept) accept(server);
        else server.abort();
      });
      return client;
    },
  };
}
