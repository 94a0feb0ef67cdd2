/**
 * A client: one connection to a server, and what can be said of it.
 *
 * @module
 */
import type { CodecChoice, Codecs } from "../codec/lender.ts";
import { type Clock, systemClock } from "../connection/clock.ts";
import type { CloseReason, Connection, GoAwayNotice } from "../connection/connection.ts";
import type { PlainConnection } from "../connection/plain_connection.ts";
import { State } from "../connection/state.ts";
import { FramewireError } from "../errors.ts";
import type { Address, Link, TlsInfo } from "../link/link.ts";
import type { Outbound } from "../connection/outbound.ts";
import type { WriteMode } from "../connection/write_mode.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import {
  type ClientEndpoint,
  type ClientProtocol,
  type ClientSide,
  describe,
} from "../protocol/protocol.ts";
import type { MakeBook } from "../protocol/book.ts";
import type { UnsentCall } from "../protocol/unsent.ts";

/** How a client is closed. */
export interface CloseOptions {
  /**
   * How long unanswered calls may still take, in milliseconds; then they fail with
   * `CONNECTION_CLOSED`.
   *
   * @default {5000}
   */
  readonly deadlineMs?: number;
}

/** What every client has, whatever its protocol. */
export interface Client extends AsyncDisposable {
  /** The server's address. */
  readonly remote: Address;
  /** This end's address. */
  readonly local: Address;
  /** What TLS says of it and of the server's certificate; undefined where there is no TLS. */
  readonly tls: TlsInfo | undefined;
  /** Whether calls can be made. */
  readonly open: boolean;
  /** Calls that wait for their answer. */
  readonly pending: number;
  /** Settles when the connection is closed, by whichever side, and tells why. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /**
   * Closes: no more calls are taken; those made are answered or, after the deadline, fail; then the
   * connection ends. Always settles.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** What a client is made of, where one has more than another. */
export interface ClientParts {
  /** What its connection is. */
  readonly connection: typeof PlainConnection;
  /** What keeps its calls. */
  readonly book: MakeBook;
  /** Who scans its stream. */
  codecs(choice: CodecChoice): Codecs;
  /** Makes writers of links for a mode; without it they are plain ones. */
  outbound?(mode: WriteMode, clock: Clock): (link: Link, flush: () => void) => Outbound;
  /** Looks whether the server is still there until the connection is closed; without it nobody does. */
  watch?(
    connection: Connection,
    endpoint: ClientEndpoint,
    options: ResolvedClientOptions,
    clock: Clock,
    closed: Promise<unknown>,
  ): void;
}

const CLOSE_DEADLINE_MS = 5000;

/** The client behind {@linkcode Client}: everything but its protocol's calls. */
export class ConnectedClient<Calls> implements Client {
  readonly #connection: Connection;
  readonly #endpoint: ClientEndpoint & Calls;
  readonly #clock: Clock;
  readonly #side: ClientSide;
  readonly closed: Promise<CloseReason>;
  #closing = false;
  /** Whether the server has said that it ends the connection. */
  #left = false;
  /** Called when the last call that waited is settled, or when they have no more time. */
  #idle: (() => void) | undefined;
  /** Told when the server says that it ends the connection soon: calls must go elsewhere. */
  leaves: ((notice: GoAwayNotice) => void) | undefined;

  constructor(
    link: Link,
    options: ResolvedClientOptions,
    protocol: ClientProtocol<Calls>,
    parts: ClientParts,
  ) {
    this.#clock = options.clock ?? systemClock;
    let closed: (reason: CloseReason) => void;
    this.closed = new Promise((resolve) => closed = resolve);
    const side: ClientSide = {
      maxFrameBytes: options.maxFrameBytes,
      calls: { ...options, clock: this.#clock, book: parts.book },
      options,
      report: (error) => options.onError?.(error),
      settled: () => this.#idle?.(),
      goesAway: (notice) => {
        this.#left = true;
        this.leaves?.(notice);
      },
      closed: (reason) => closed(reason),
    };
    this.#side = side;
    let endpoint: ClientEndpoint & Calls;
    const connection = new parts.connection(
      link,
      {
        framing: protocol.framing,
        kind: protocol.kind,
        codecs: parts.codecs(options.codec),
        maxFrameBytes: options.maxFrameBytes,
        // A client always reads: the answers are what lets the server read on.
        writeHighWaterBytes: Infinity,
        writeLowWaterBytes: Infinity,
        writeMode: options.writeMode,
        outbound: parts.outbound?.(options.writeMode, this.#clock),
        lingerMs: options.lingerMs,
        // Requests that have failed already: a server that does not read must not hold up the end.
        sendsAllBeforeEnd: false,
        clock: this.#clock,
      },
      // The small client's is a plain one, and so are its endpoints.
      (connection) => endpoint = protocol.client(connection as Connection, side),
    );
    this.#connection = connection as Connection;
    this.#endpoint = endpoint!;
    this.#connection.start();
    parts.watch?.(this.#connection, this.#endpoint, options, this.#clock, this.closed);
  }

  /** Told of calls that had not been sent when the connection was lost: they are to be made elsewhere. */
  set unsent(take: (call: UnsentCall) => void) {
    this.#side.unsent = take;
  }

  /** The endpoint to call. */
  endpoint(): ClientEndpoint & Calls {
    return this.#endpoint;
  }

  /** Settles once calls can be made. */
  get ready(): Promise<void> | undefined {
    return this.#endpoint.ready;
  }

  /** Cuts the connection. */
  abort(message: string): void {
    this.#connection.abort({ code: "CLOSED", message });
  }

  get remote(): Address {
    return this.#connection.ends.remote;
  }

  get local(): Address {
    return this.#connection.ends.local;
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.ends.tls;
  }

  get open(): boolean {
    return !this.#closing && !this.#left && this.#connection.state === State.OPEN;
  }

  get pending(): number {
    return this.#endpoint.pending;
  }

  async close({ deadlineMs = CLOSE_DEADLINE_MS }: CloseOptions = {}): Promise<void> {
    if (typeof deadlineMs !== "number" || !(deadlineMs >= 0 && deadlineMs < 2 ** 31)) {
      const range = "a number from 0 to 2147483647";
      const message = `deadlineMs must be ${range} and is ${describe(deadlineMs)}`;
      throw new FramewireError("INVALID_OPTION", message);
    }
    if (!this.#closing) {
      this.#closing = true;
      const message = "the client was closed by this program";
      this.#endpoint.refuse(
        new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" }),
      );
      if (this.#endpoint.pending > 0 && this.#connection.state === State.OPEN) {
        await new Promise<void>((resolve) => {
          const timer = this.#clock.after(deadlineMs, resolve);
          this.#idle = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      this.#connection.finish({ code: "CLOSED", message });
    } else if (this.#connection.state === State.OPEN) {
      // Asked again: the shorter one of the two deadlines holds.
      const timer = this.#clock.after(deadlineMs, () => this.#idle?.());
      void this.closed.then(() => timer.cancel());
    }
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
