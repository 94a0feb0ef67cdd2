/**
 * A link: one ordered, reliable duplex of bytes, whatever carries it. An adapter turns a runtime's
 * sockets into this interface and does nothing else.
 *
 * @module
 */

/** One end of a connection. */
export interface Address {
  /** IP address or host name; a label such as `"memory"` where there is none. */
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

/** One ordered duplex of bytes. */
export interface Link {
  /** What carries it, for example `"tcp"` or `"memory"`. */
  readonly transport: string;
  /** This end. */
  readonly local: Address;
  /** The peer's end. */
  readonly remote: Address;

  /** Names the receiver and begins to read. Called once. */
  start(receiver: LinkReceiver): void;

  /** Stops reading: no `data` after this call returns, until `resume`. The peer's end may still be reported. */
  pause(): void;

  /** Reads on. */
  resume(): void;

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

/** Takes connections at one address. */
export interface Listener {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: Address;
  /** Stops listening; settles when the address is free. Accepted links live on. */
  close(): Promise<void>;
}

/** What a listener calls. */
export interface ListenerEvents {
  /** A connection was accepted. */
  accepted(link: Link): void;
  /** Accepting failed; the listener goes on by itself after a pause. */
  failed(error: Error): void;
}

/** Where and how to listen. */
export interface ListenTarget {
  /** IP address or host name. */
  readonly hostname: string;
  /** Port, 0 for any free one. */
  readonly port: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
}

/** Where and how to connect. */
export interface ConnectTarget {
  /** IP address or host name. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * What carries bytes in one runtime: how to listen and how to connect. Both reject with a
 * `FramewireError` that names the address.
 */
export interface Transport {
  /** Listens; resolves once the address is bound. */
  listen(target: ListenTarget, events: ListenerEvents): Promise<Listener>;
  /** Connects; resolves once the connection stands. */
  connect(target: ConnectTarget): Promise<Link>;
}
