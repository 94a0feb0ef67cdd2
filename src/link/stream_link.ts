/**
 * A link over a socket of Workers: two streams (`cloudflare:sockets`, and the `connect` handler).
 *
 * @module
 */
import type { Address, Link, LinkReceiver } from "./link.ts";
import { formatAddress, linkError } from "./net_errors.ts";

/** A socket of Workers. */
export interface StreamSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Settles when both directions are closed. */
  readonly closed: Promise<unknown>;
  close(): Promise<unknown>;
}

/** A connection over two streams. */
export class StreamLink implements Link {
  readonly transport: string;
  readonly local: Address = { hostname: "", port: 0 };
  readonly remote: Address;
  readonly #socket: StreamSocket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #receiver: LinkReceiver | undefined;
  #paused: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #writing: Promise<void> | undefined;
  #ended = false;
  #peerEnded = false;
  #closed: { readonly cause: Error | undefined } | undefined;

  constructor(socket: StreamSocket, transport: "tcp" | "tls", remote: Address) {
    this.#socket = socket;
    this.transport = transport;
    this.remote = remote;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
    // Reading and writing tell of failures; these promises would tell them again, to nobody.
    for (const promise of [socket.closed, this.#reader.closed, this.#writer.closed]) {
      promise.catch(() => {});
    }
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    if (this.#closed !== undefined) this.#tellClosed(this.#closed.cause);
    else void this.#read();
  }

  pause(): void {
    if (this.#paused !== undefined) return;
    let end!: () => void;
    const over = new Promise<void>((resolve) => end = resolve);
    this.#paused = { over, end };
  }

  resume(): void {
    this.#paused?.end();
    this.#paused = undefined;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return true;
    this.#writing = this.#writer.write(bytes).then(
      () => {
        this.#writing = undefined;
        if (this.#closed === undefined) this.#receiver!.written();
      },
      (error) => this.#fail(error),
    );
    return false;
  }

  end(): void {
    if (this.#ended || this.#closed !== undefined) return;
    this.#ended = true;
    void this.#end();
  }

  abort(): void {
    if (this.#closed !== undefined) return;
    this.#close(undefined);
    void this.#writer.abort().catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        // A pause that came while the read was under way holds back what it read.
        while (this.#paused !== undefined) await this.#paused.over;
        if (this.#closed !== undefined) return;
        if (done) break;
        this.#receiver!.data(value); // memory of its own, kept or not
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#peerEnded = true;
    this.#receiver!.ended();
    if (this.#ended) await this.#end();
  }

  /** Sends the end behind the write under way; with the peer's end, that closes the connection. */
  async #end(): Promise<void> {
    await this.#writing;
    try {
      await this.#writer.close();
    } catch {
      // It is closed already.
    }
    if (this.#peerEnded) this.#close(undefined);
  }

  #fail(error: unknown): void {
    const { hostname, port } = this.remote;
    const cause = linkError(
      /network connection lost|reset|broken/i.test(String(error))
        ? Object.assign(new Error(String(error)), { code: "ECONNRESET" })
        : error,
      formatAddress(hostname, port),
    );
    this.#close(cause);
  }

  #close(cause: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause };
    this.resume();
    void this.#reader.cancel().catch(() => {});
    void this.#socket.close().catch(() => {});
    if (this.#receiver !== undefined) this.#tellClosed(cause);
  }

  #tellClosed(cause: Error | undefined): void {
    queueMicrotask(() => this.#receiver!.closed(cause));
  }
}
