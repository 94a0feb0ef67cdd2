/**
 * TCP by `Deno.listen` and `Deno.connect`.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { denoCapabilities } from "./deno_capabilities.ts";
import { DenoListener } from "./deno_listener.ts";
import type {
  Address,
  ConnectTarget,
  Link,
  LinkReceiver,
  ListenerEvents,
  ListenTarget,
  SocketOptions,
  Transport,
} from "./link.ts";
import { connectError, formatAddress, linkError, listenError } from "./net_errors.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { type DueReader, readTurn } from "./read_turn.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** Reads that are ready are all resolved in one turn, and their continuations are its microtasks. */
const writeTurn = new WriteTurn(queueMicrotask);

/** A TCP connection. */
class DenoTcpLink implements Link, DueLink, DueReader {
  readonly transport = "tcp";
  readonly #conn: Deno.TcpConn;
  #putsOff: boolean;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  #writing: Promise<void> | undefined;
  #unsent = 0;
  #paused = false;
  /** What was read before a pause that came meanwhile. */
  #held: number | null | undefined;
  bulkTurn = 0;
  #buffer: ReadBuffer | undefined;
  // Two functions of each link; an async function that reads in a loop takes 0.3 KB more while it waits.
  readonly #read: (bytes: number | null) => void = (bytes) => this.#took(bytes);
  readonly #failed: (error: unknown) => void = (error) => {
    this.#buffer!.release();
    this.#close(error);
  };
  #peerEnded = false;
  #ended = false;
  #closed = false;

  /**
   * @param putsOff Whether writes wait for the end of the turn: those of a client, which come in one
   * piece for all of its calls, gain nothing by it.
   */
  constructor(
    conn: Deno.TcpConn,
    putsOff: boolean,
    { noDelay, keepAliveMs = 0 }: SocketOptions = {},
  ) {
    this.#conn = conn;
    this.#putsOff = putsOff;
    try {
      if (noDelay !== false) conn.setNoDelay(true);
      if (keepAliveMs > 0) conn.setKeepAlive(true);
    } catch {
      // macOS refuses it when the peer has left: reading will tell, and close what was accepted.
    }
  }

  get local(): Address {
    return this.#conn.localAddr;
  }

  get remote(): Address {
    return this.#conn.remoteAddr;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#buffer = new ReadBuffer();
    this.readDue();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    // Never from within the call.
    if (this.#held !== undefined) queueMicrotask(() => this.#goOn());
  }

  writeAtOnce(): void {
    this.#putsOff = false;
  }

  write(bytes: Uint8Array): boolean {
    this.#due = bytes;
    if (this.#putsOff) writeTurn.add(this);
    else this.writeDue();
    return false;
  }

  get unsentBytes(): number {
    return this.#unsent;
  }

  writeDue(): void {
    const bytes = this.#due!;
    this.#due = undefined;
    if (!this.#closed) this.#writing = this.#send(bytes);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#end();
  }

  abort(): void {
    this.#close(undefined);
  }

  readDue(): void {
    if (this.#closed) return this.#buffer!.release();
    this.#conn.read(this.#buffer!.view).then(this.#read, this.#failed);
  }

  #goOn(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#took(held);
  }

  #took(bytes: number | null): void {
    if (this.#closed) return this.#buffer!.release();
    // A pause that came while the read was under way holds back what it read.
    if (this.#paused) {
      this.#held = bytes;
      return;
    }
    const receiver = this.#receiver!;
    if (bytes === null) {
      this.#buffer!.release();
      this.#peerEnded = true;
      receiver.ended();
      if (this.#ended) void this.#end();
      return;
    }
    const buffer = this.#buffer!;
    const room = buffer.view.length;
    try {
      buffer.give(bytes, receiver);
    } catch (error) {
      this.#close(error);
      return;
    }
    if (readTurn.mayRead(this, bytes, room)) this.readDue();
  }

  /** Deno writes what fits and says how much that was. */
  #send(bytes: Uint8Array): Promise<void> {
    this.#unsent = bytes.length;
    return this.#conn.write(bytes).then((sent) => {
      if (sent < bytes.length) return this.#send(bytes.subarray(sent));
      this.#unsent = 0;
      this.#sent();
    }, (error) => {
      this.#close(error);
      this.#sent();
    });
  }

  #sent(): void {
    this.#writing = undefined;
    if (!this.#closed) this.#receiver!.written();
  }

  /** Sends the end behind the write under way; with the peer's end, that closes the connection. */
  async #end(): Promise<void> {
    await this.#writing;
    if (this.#closed) return;
    if (this.#peerEnded) {
      this.#close(undefined);
      return;
    }
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      this.#close(error);
    }
  }

  #close(cause: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    const { remoteAddr: { hostname, port } } = this.#conn;
    try {
      this.#conn.close();
    } catch {
      // The runtime has closed it already.
    }
    this.resume();
    const error = cause === undefined ? undefined : linkError(cause, formatAddress(hostname, port));
    queueMicrotask(() => this.#receiver?.closed(error)); // one that came too late never started
  }
}

/** TCP of the Deno runtime. */
export const denoTcp: Transport = {
  capabilities: denoCapabilities,

  async listen(target: ListenTarget, events: ListenerEvents) {
    if (target.unixPath !== undefined) {
      const { listenUnix } = await import("./unix.ts");
      return listenUnix(target, target.unixPath, events);
    }
    if (target.webSocketPath !== undefined) {
      const { listenDeno } = await import("./deno_web_socket.ts");
      return listenDeno(target, events);
    }
    checkKeepAlive(target);
    // By `node:tls`: `Deno.listenTls` has no client certificates, no certificates by name and no reload.
    if (target.tls !== undefined) {
      const { listenTls } = await import("./tls_listener.ts");
      return listenTls(target, target.tls, events);
    }
    const { hostname, port, backlog } = target;
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname, port, tcpBacklog: backlog });
    } catch (error) {
      throw listenError(error, hostname, port);
    }
    return new DenoListener(listener, {
      accepted: (conn) => events.accepted(new DenoTcpLink(conn, true, target)),
      failed: (error) => events.failed(error),
    });
  },

  async connect(target: ConnectTarget) {
    if (target.unixPath !== undefined) {
      const { connectUnix } = await import("./unix.ts");
      return connectUnix(target, target.unixPath);
    }
    if (target.webSocketPath !== undefined) {
      const { connectDeno } = await import("./deno_web_socket.ts");
      return connectDeno(target);
    }
    checkKeepAlive(target);
    if (target.tls !== undefined) {
      const { connectTls } = await import("./tls.ts");
      return connectTls(target, target.tls);
    }
    const { hostname, port, signal } = target;
    try {
      return new DenoTcpLink(
        await Deno.connect({ hostname, port, ...(signal !== undefined && { signal }) }),
        false,
        target,
      );
    } catch (error) {
      throw signal?.aborted ? signal.reason : connectError(error, hostname, port);
    }
  },
};

/** The time that systems wait by default (RFC 1122, 4.2.3.6). */
const SYSTEM_KEEP_ALIVE_MS = 7_200_000;

/** Deno turns keepalive on and off; the time is the system's. */
function checkKeepAlive({ keepAliveMs = 0 }: SocketOptions): void {
  if (keepAliveMs === 0 || keepAliveMs === SYSTEM_KEEP_ALIVE_MS) return;
  throw new FramewireError(
    "UNSUPPORTED",
    `Deno cannot set the time of TCP keepalive: keepAliveMs can be ${SYSTEM_KEEP_ALIVE_MS}, the ` +
      `system's time, or 0, and is ${keepAliveMs}; heartbeats (heartbeatMs) find a dead peer sooner`,
  );
}
