/**
 * TCP by `Deno.listen` and `Deno.connect`.
 *
 * @module
 */
import { AcceptBackoff } from "./accept_backoff.ts";
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
import {
  acceptError,
  connectError,
  formatAddress,
  linkError,
  listenError,
  peerHasLeft,
} from "./net_errors.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { type DueLink, WriteTurn } from "./write_turn.ts";

/** Reads that are ready are all resolved in one turn, and their continuations are its microtasks. */
const writeTurn = new WriteTurn(queueMicrotask);

/** A TCP connection. */
class DenoTcpLink implements Link, DueLink {
  readonly transport = "tcp";
  readonly #conn: Deno.TcpConn;
  readonly #putsOff: boolean;
  #receiver: LinkReceiver | undefined;
  #due: Uint8Array | undefined;
  #writing: Promise<void> | undefined;
  #unsent = 0;
  /** Set while paused; resolves when reading may go on. */
  #pause: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #peerEnded = false;
  #ended = false;
  #closed = false;

  /**
   * @param putsOff Whether writes wait for the end of the turn: those of a client, which come in one
   * piece for all of its calls, gain nothing by it.
   */
  constructor(conn: Deno.TcpConn, putsOff: boolean) {
    this.#conn = conn;
    this.#putsOff = putsOff;
    try {
      conn.setNoDelay(true);
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
    void this.#read();
  }

  pause(): void {
    if (this.#pause !== undefined) return;
    let end!: () => void;
    const over = new Promise<void>((resolve) => end = resolve);
    this.#pause = { over, end };
  }

  resume(): void {
    this.#pause?.end();
    this.#pause = undefined;
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

  async #read(): Promise<void> {
    const buffer = new ReadBuffer();
    const conn = this.#conn;
    const receiver = this.#receiver!;
    try {
      for (;;) {
        const { view } = buffer;
        const bytes = await conn.read(view);
        // A pause that came while the read was under way holds back what it read.
        while (this.#pause !== undefined) await this.#pause.over;
        if (this.#closed) return;
        if (bytes === null) break;
        const kept = receiver.data(bytes === view.length ? view : view.subarray(0, bytes));
        buffer.took(bytes, kept, receiver);
      }
    } catch (error) {
      this.#close(error);
      return;
    }
    this.#peerEnded = true;
    receiver.ended();
    if (this.#ended) await this.#end();
  }

  /** Deno writes what fits and says how much that was. */
  async #send(bytes: Uint8Array): Promise<void> {
    this.#unsent = bytes.length;
    try {
      let sent = await this.#conn.write(bytes);
      while (sent < bytes.length) {
        this.#unsent = bytes.length - sent;
        sent += await this.#conn.write(bytes.subarray(sent));
      }
      this.#unsent = 0;
    } catch (error) {
      this.#close(error);
    }
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
  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen({ hostname, port, backlog }: ListenTarget, events: ListenerEvents) {
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname, port, tcpBacklog: backlog });
    } catch (error) {
      throw listenError(error, hostname, port);
    }
    return new DenoTcpListener(listener, events);
  },

  async connect({ hostname, port, signal }: ConnectTarget) {
    try {
      return new DenoTcpLink(
        await Deno.connect({ hostname, port, ...(signal !== undefined && { signal }) }),
        false,
      );
    } catch (error) {
      throw signal?.aborted ? signal.reason : connectError(error, hostname, port);
    }
  },
};

class DenoTcpListener implements Listener {
  readonly #listener: Deno.TcpListener;
  readonly address: Address;
  readonly #accepting: Promise<void>;
  #endPause: (() => void) | undefined;
  #closed = false;

  constructor(listener: Deno.TcpListener, events: ListenerEvents) {
    this.#listener = listener;
    this.address = listener.addr;
    this.#accepting = this.#accept(events);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.close();
      this.#endPause?.();
    }
    // The accept under way keeps the address in use: connections were still taken, and reset.
    return this.#accepting;
  }

  async #accept(events: ListenerEvents): Promise<void> {
    const backoff = new AcceptBackoff();
    while (!this.#closed) {
      let link: Link;
      try {
        link = new DenoTcpLink(await this.#listener.accept(), true);
        backoff.succeeded();
      } catch (error) {
        if (this.#closed) return;
        events.failed(acceptError(error));
        // With a pause here, a few peers that connect and reset would keep everybody else waiting.
        if (!peerHasLeft(error)) await this.#pause(backoff.failed());
        continue;
      }
      events.accepted(link);
    }
  }

  /** Waits; closing ends that. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
