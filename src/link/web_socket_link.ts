/**
 * A link over a WebSocket (RFC 6455), of whichever runtime.
 *
 * Bytes go as binary messages, cut anywhere. WebSocket has no half-close, so an empty binary message is
 * the end of its sender's stream; who has sent one and received one closes with 1000. A close without
 * one ends both directions.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { WEB_SOCKET_DEFAULTS, type WebSocketOptions } from "../options/web_socket.ts";
import type { Address, Link, LinkReceiver, TlsInfo } from "./link.ts";
import { formatAddress } from "./net_errors.ts";

/** The subprotocol that both sides name (RFC 6455, 1.9). */
export const SUBPROTOCOL = "framewire";

/** Why a WebSocket is closed (RFC 6455, 7.4.1). */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  UNSUPPORTED_DATA: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
} as const;

/** A WebSocket as the standard has it, and what some runtimes have besides. */
export interface StandardSocket {
  readonly bufferedAmount?: number;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: Closing) => void): void;
  addEventListener(type: "error", listener: (event: unknown) => void): void;
  /** Stops reading. */
  pause?(): void;
  /** Reads on. */
  resume?(): void;
  /** Cuts the connection. */
  terminate?(): void;
}

interface Closing {
  readonly code?: number;
  readonly reason?: string;
}

/** What is known of the connection beneath. */
export interface WebSocketEnds {
  readonly transport: "ws" | "wss";
  readonly local: Address;
  readonly remote: Address;
  readonly tls?: TlsInfo;
}

/** Messages that are sent are no longer than this: no peer must allow more. */
export const PIECE_BYTES: number = 64 << 10;
/** While more than this is buffered, writes wait; they go on at half of it. */
export const HIGH_WATER_BYTES: number = 64 << 10;
/** How often the buffer of a slow peer is looked at: the standard has no event for it. */
const POLL_MS = 5;
/** The codes below are the protocol's own; programs in browsers may use those from 4000 on. */
const OWN_CODES = 3000;
const END = new Uint8Array(0);

/** A connection by WebSocket. */
export class WebSocketLink implements Link {
  readonly transport: string;
  readonly local: Address;
  readonly remote: Address;
  readonly tls?: TlsInfo;
  protected readonly socket: StandardSocket;
  readonly #maxMessageBytes: number;
  readonly #maxPausedBytes: number;
  /** Called when it is closed, whether it was started or not. */
  onClosed: (() => void) | undefined;
  protected receiver: LinkReceiver | undefined;
  /** Until it is started, and while it is paused. */
  #isHeld = true;
  /** What came meanwhile; an empty one is the peer's end. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isDelivering = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #peerEnded = false;
  protected isClosed = false;
  /** The peer has closed, and there is something to deliver before that is told. */
  #closing: { readonly cause: Error | undefined } | undefined;
  #closedEarly: { readonly cause: Error | undefined } | undefined;

  constructor(socket: StandardSocket, ends: WebSocketEnds, limits: WebSocketOptions = {}) {
    this.socket = socket;
    this.transport = ends.transport;
    this.local = ends.local;
    this.remote = ends.remote;
    if (ends.tls !== undefined) this.tls = ends.tls;
    const { maxMessageBytes, maxPausedBytes } = { ...WEB_SOCKET_DEFAULTS, ...limits };
    this.#maxMessageBytes = maxMessageBytes;
    this.#maxPausedBytes = maxPausedBytes;
    socket.addEventListener("message", ({ data }) => this.#took(data));
    socket.addEventListener("close", (event) => this.#peerClosed(event));
    socket.addEventListener("error", (event) => this.failed(event));
  }

  start(receiver: LinkReceiver): void {
    this.receiver = receiver;
    if (this.#closedEarly !== undefined) this.#tellClosed(this.#closedEarly.cause);
    else this.resume();
  }

  pause(): void {
    this.#isHeld = true;
    if (!this.isClosed) this.socket.pause?.();
  }

  resume(): void {
    this.#isHeld = false;
    if (this.isClosed) return;
    this.socket.resume?.();
    if (this.#held.length > 0) queueMicrotask(() => this.#deliver());
  }

  write(bytes: Uint8Array): boolean {
    return this.isClosed || this.transmit(bytes);
  }

  get unsentBytes(): number | undefined {
    return this.socket.bufferedAmount;
  }

  end(): void {
    if (this.#ended || this.isClosed) return;
    this.#ended = true;
    this.send(END);
    if (this.#peerEnded) this.#closeInOrder();
  }

  abort(): void {
    if (this.isClosed) return;
    if (this.socket.terminate !== undefined) this.socket.terminate();
    else this.#closeSocket(CloseCode.GOING_AWAY, "");
    this.#close(undefined);
  }

  /** @returns Whether the memory is free again; if not, `written` is told when it is. */
  protected transmit(bytes: Uint8Array): boolean {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      this.send(bytes.subarray(from, from + PIECE_BYTES));
    }
    if ((this.socket.bufferedAmount ?? 0) <= HIGH_WATER_BYTES) return true;
    this.awaitRoom();
    return false;
  }

  /** The standard copies what is sent; one that is closing takes and forgets it. */
  protected send(bytes: Uint8Array): void {
    try {
      this.socket.send(bytes);
    } catch {
      // It has just been closed: the event of that follows.
    }
  }

  /** The runtime reports a failure; `close` follows by itself. */
  protected failed(_event: unknown): void {}

  /** Closes it for a reason that the peer is told. */
  protected refuse(code: number, reason: string): void {
    if (this.isClosed) return;
    this.#closeSocket(code, reason);
    const where = formatAddress(this.remote.hostname, this.remote.port);
    this.#close(
      new FramewireError("WEBSOCKET_FAILED", `the WebSocket with ${where} was closed: ${reason}`),
    );
  }

  /** Tells `written` when the buffer is empty enough. */
  protected awaitRoom(): void {
    this.#timer = setTimeout(() => {
      if (this.isClosed) return;
      if ((this.socket.bufferedAmount ?? 0) > HIGH_WATER_BYTES / 2) this.awaitRoom();
      else this.receiver?.written();
    }, POLL_MS);
  }

  #took(data: unknown): void {
    if (this.isClosed || this.#peerEnded) return;
    if (!(data instanceof ArrayBuffer || data instanceof Uint8Array)) {
      this.refuse(
        CloseCode.UNSUPPORTED_DATA,
        "a text message came, and only binary ones are taken",
      );
      return;
    }
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    if (bytes.length > this.#maxMessageBytes) {
      this.refuse(
        CloseCode.TOO_BIG,
        `a message of ${bytes.length} bytes came; ${this.#maxMessageBytes} may (maxMessageBytes)`,
      );
      return;
    }
    if (!this.#isHeld && this.#held.length === 0) {
      this.#hand(bytes);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#maxPausedBytes) {
      this.refuse(
        CloseCode.POLICY,
        `more than ${this.#maxPausedBytes} bytes came while this side was busy (maxPausedBytes)`,
      );
    }
  }

  /** Gives what was held back to the receiver, until it pauses again. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    let taken = 0;
    while (taken < this.#held.length && !this.#isHeld && !this.isClosed) {
      const bytes = this.#held[taken++]!;
      this.#heldBytes -= bytes.length;
      this.#hand(bytes);
    }
    this.#held.splice(0, taken);
    this.#isDelivering = false;
    if (this.#held.length === 0 && this.#closing !== undefined) this.#finish(this.#closing.cause);
  }

  #hand(bytes: Uint8Array): void {
    if (bytes.length > 0) {
      this.receiver!.data(bytes); // nobody writes to it again, kept or not
      return;
    }
    this.#peerEnded = true;
    this.receiver!.ended();
    if (this.#ended) this.#closeInOrder();
  }

  /** Both directions have ended. */
  #closeInOrder(): void {
    if (this.isClosed) return;
    this.#closeSocket(CloseCode.NORMAL, "");
    this.#close(undefined);
  }

  #peerClosed({ code = 1006, reason = "" }: Closing): void {
    if (this.isClosed) return;
    const cause = this.causeOf(code, reason);
    if (cause === undefined && this.#held.length > 0) this.#closing = { cause };
    else this.#finish(cause);
  }

  /** What a close by the peer means; undefined when it was in order. */
  protected causeOf(code: number, reason: string): Error | undefined {
    if (code === CloseCode.NORMAL || code === CloseCode.GOING_AWAY || code === 1005) {
      return undefined;
    }
    const where = formatAddress(this.remote.hostname, this.remote.port);
    if (code === 1006 || code === 0) {
      return new FramewireError("CONNECTION_RESET", `the connection to ${where} was reset`);
    }
    const why = reason === "" ? "" : `: ${reason}`;
    const message = `${where} closed the WebSocket with ${code}${why}`;
    return new FramewireError("WEBSOCKET_FAILED", message);
  }

  #finish(cause: Error | undefined): void {
    if (this.isClosed) return;
    if (cause === undefined && !this.#peerEnded && this.receiver !== undefined) {
      this.#peerEnded = true;
      this.receiver.ended();
    }
    this.#close(cause);
  }

  #closeSocket(code: number, reason: string): void {
    const close = (as: number) => this.socket.close(as, reason);
    try {
      close(code);
    } catch {
      // Browsers let programs use 1000 and those from 3000 on.
      close(code === CloseCode.GOING_AWAY ? CloseCode.NORMAL : code + OWN_CODES);
    }
  }

  #close(cause: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.#timer);
    this.#held = [];
    this.onClosed?.();
    if (this.receiver === undefined) this.#closedEarly = { cause };
    else this.#tellClosed(cause);
  }

  #tellClosed(cause: Error | undefined): void {
    queueMicrotask(() => this.receiver!.closed(cause));
  }
}
