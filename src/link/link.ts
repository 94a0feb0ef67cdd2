/**
 * A link: one ordered, reliable duplex of bytes, whatever carries it. An adapter turns a runtime's
 * sockets into this interface and does nothing else.
 *
 * @module
 */

import type { TlsClientOptions, TlsServerOptions } from "../options/tls.ts";
import type { WebSocketOptions } from "../options/web_socket.ts";
import type { Capabilities } from "./capabilities.ts";

/** One end of a connection. */
export interface Address {
  /**
   * IP address or host name; a label such as `"memory"` where there is none. Of a Unix socket its path,
   * and `"unix"` for the end that has none.
   */
  readonly hostname: string;
  /** Port, 0 where there is none. */
  readonly port: number;
}

/**
 * Who receives what a link reads. The link calls these one at a time and never from within a call
 * of its own methods, so that a receiver is never re-entered.
 */
export interface LinkReceiver {
  /**
   * Bytes came. They are the receiver's until it returns; when it returns true it keeps them, and
   * the link must not write to that part of its memory again.
   */
  data(chunk: Uint8Array): boolean;
  /**
   * The memory that the link reads into shall grow by so many bytes, or has shrunk (less than 0).
   *
   * @returns Whether it may. Without this method it always may.
   */
  reserve?(bytes: number): boolean;
  /** The peer has sent its last byte; it may still read. */
  ended(): void;
  /** The bytes of the last `write` that returned false have left; the next may follow. */
  written(): void;
  /**
   * The link is closed both ways. Called exactly once, and nothing is called after it.
   * `cause` is a `FramewireError` when it broke, undefined when it was closed in order.
   */
  closed(cause: Error | undefined): void;
}

/** What the handshake of a TLS connection has agreed on, and who the peer is. */
export interface TlsInfo {
  /** The protocol's version: `"TLSv1.2"` or `"TLSv1.3"`. */
  readonly version: string;
  /** The application protocol that was chosen (ALPN, RFC 7301). */
  readonly alpn?: string;
  /** The name that the client asked for (SNI, RFC 6066). */
  readonly serverName?: string;
  /** Whether the peer showed a certificate of an authority that this side trusts, valid now. */
  readonly authorized: boolean;
  /** Whom the peer's certificate is for, for example `"CN=client-7"`; undefined when it showed none. */
  readonly subject?: string;
  /** Who signed it. */
  readonly issuer?: string;
  /** Its SHA-256 fingerprint: 64 hexadecimal digits. */
  readonly fingerprint?: string;
}

/** One ordered duplex of bytes. */
export interface Link {
  /** What carries it: `"tcp"`, `"tls"`, `"ws"`, `"wss"`, `"unix"`, `"memory"`. */
  readonly transport: string;
  /** This end. */
  readonly local: Address;
  /** The peer's end. */
  readonly remote: Address;
  /** What TLS says of it; undefined where there is none. */
  readonly tls?: TlsInfo;

  /**
   * Agrees with the peer on TLS: where it is spoken, a listener hands links over before that has begun,
   * so that whoever may not come in costs nothing. Called once, before `start`; undefined on all others.
   *
   * @param done Called once, never from within this call: without an error when `tls` is known and the
   * link may be started, or with what went wrong, and then the link is closed. After `abort` it may be
   * called or not.
   */
  handshake?(done: (failure: Error | undefined) => void): void;

  /** Names the receiver and begins to read. Called once. */
  start(receiver: LinkReceiver): void;

  /** Stops reading: no `data` after this call returns, until `resume`. The peer's end may still be reported. */
  pause(): void;

  /** Reads on. */
  resume(): void;

  /** Does not put writes off to the end of the turn, so that those of several links come together. */
  writeAtOnce?(): void;

  /**
   * Sends bytes, all of them: partial writes are the link's affair.
   *
   * @returns true when they have left and the memory may be reused at once; false when the link
   * still reads from it, which lasts until `written`. No other write may follow before that.
   */
  write(bytes: Uint8Array): boolean;

  /**
   * How many bytes of the write under way have not left, where the link can tell: by this a peer that
   * reads slowly is told from one that does not read at all.
   */
  readonly unsentBytes?: number | undefined;

  /**
   * Sends the end of this side's stream, after what was written. The link closes by itself once
   * the peer has ended too.
   */
  end(): void;

  /** Closes both ways at once, without waiting for anything. `closed` follows. */
  abort(): void;
}

/** What is known of a link besides its bytes. */
export type LinkEnds = Pick<Link, "transport" | "remote" | "local" | "tls">;

/** Takes connections at one address. */
export interface Listener {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: Address;
  /**
   * Accepts no more until {@linkcode resume}: nothing is given to `accepted` after this call returns.
   * Peers wait in the backlog; where the runtime accepts by itself, in a queue of the same length, and
   * those beyond it are given to `accepted` all the same.
   */
  pause(): void;

  /** Accepts again. */
  resume(): void;

  /** Stops listening; settles when the address is free. Accepted links live on. */
  close(): Promise<void>;
  /**
   * Uses other certificates for connections that come from now on; those that stand keep theirs.
   *
   * @throws FramewireError INVALID_OPTION when they cannot be used; then nothing has changed.
   */
  reloadTls?(tls: TlsServerOptions): void;
}

/** What a listener calls. */
export interface ListenerEvents {
  /** A connection was accepted. */
  accepted(link: Link): void;
  /** Accepting failed; the listener goes on by itself after a pause. */
  failed(error: Error): void;
}

/** How the sockets behave that a transport makes; what is left out is as the transport has it. */
export interface SocketOptions {
  /** Whether what is written leaves at once; by default it does. */
  readonly noDelay?: boolean;
  /**
   * After how long without traffic the system asks whether the peer's machine is there, in
   * milliseconds; 0 for never. A transport that cannot refuses it with `UNSUPPORTED`.
   */
  readonly keepAliveMs?: number;
}

/** What carries a connection, when it is not TCP alone. */
export interface Carrier {
  /** The file of a Unix socket: the hostname is the same, and the port 0. */
  readonly unixPath?: string;
  /** Speaks WebSocket, at this path of HTTP. */
  readonly webSocketPath?: string;
  /** The limits of WebSocket. */
  readonly webSocket?: WebSocketOptions;
}

/** Where and how to listen. */
export interface ListenTarget extends SocketOptions, Carrier {
  /** IP address or host name. */
  readonly hostname: string;
  /** Port, 0 for any free one. */
  readonly port: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** Speaks TLS, with these certificates. */
  readonly tls?: TlsServerOptions;
  /** The permissions of a Unix socket's file. */
  readonly unixMode?: number;
  /** Whether other processes may listen there too (SO_REUSEPORT). */
  readonly reusePort?: boolean;
}

/** Where and how to connect. */
export interface ConnectTarget extends SocketOptions, Carrier {
  /** IP address or host name. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
  /** Speaks TLS, with these options. */
  readonly tls?: TlsClientOptions;
}

/**
 * What carries bytes in one runtime: how to listen and how to connect. Both reject with a
 * `FramewireError` that names the address.
 */
export interface Transport {
  /** What it can do; without this, plain TCP and no more. */
  readonly capabilities?: Capabilities;
  /** Listens; resolves once the address is bound. */
  listen(target: ListenTarget, events: ListenerEvents): Promise<Listener>;
  /** Connects; resolves once the connection stands. */
  connect(target: ConnectTarget): Promise<Link>;
}
