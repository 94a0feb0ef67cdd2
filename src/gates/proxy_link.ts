/**
 * A link through a trusted proxy: it begins with a PROXY header, and is from then on the link of the
 * peer that the header names.
 *
 * ```
 *               incomplete               complete              started
 *   HEADER ◀──┐                ┌─▶ TOLD ─────────▶ OPEN     every call goes through
 *      │ └────┘                │
 *      ├───────────────────────┘
 *      │  wrong, ended, closed by the peer or by the deadline
 *      └──────────────────────▶ LOST
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Address, Link, LinkReceiver } from "../link/link.ts";
import { normaliseAddress } from "./address_text.ts";
import { readProxyHeader } from "./proxy_header.ts";

/** What a link tells that waits for its header. Exactly one of both is called, once. */
export interface ProxyEvents {
  /** The header has come: `link.remote` is the peer's address, and it may be started at once. */
  ready(link: ProxyLink): void;
  /** There is no header to come: the link is or will be closed. */
  lost(link: ProxyLink, error: FramewireError): void;
}

const NOTHING = new Uint8Array(0);

/** A link that reads its header first. */
export class ProxyLink implements Link, LinkReceiver {
  readonly #link: Link;
  readonly #required: boolean;
  /** Undefined once it is told. */
  #events: ProxyEvents | undefined;
  /** What has come of the header. */
  #head: Uint8Array = NOTHING;
  #remote: Address | undefined;
  #receiver: LinkReceiver | undefined;

  /**
   * A link whose header is read from now on.
   *
   * @param required Whether a stream without a header is an error; else it is the proxy's own.
   */
  constructor(link: Link, required: boolean, events: ProxyEvents) {
    this.#link = link;
    this.#required = required;
    this.#events = events;
    link.start(this);
  }

  get transport(): string {
    return this.#link.transport;
  }

  get local(): Address {
    return this.#link.local;
  }

  /** The peer's end: until the header has come, and where it names none, the proxy's. */
  get remote(): Address {
    return this.#remote ?? this.#link.remote;
  }

  /** The proxy's end. */
  get proxy(): Address {
    return this.#link.remote;
  }

  // The link's side, for who takes it over.

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  writeAtOnce(): void {
    this.#link.writeAtOnce?.();
  }

  write(bytes: Uint8Array): boolean {
    return this.#link.write(bytes);
  }

  get unsentBytes(): number | undefined {
    return this.#link.unsentBytes;
  }

  end(): void {
    this.#link.end();
  }

  abort(): void {
    this.#link.abort();
  }

  /** No header will be waited for any longer. */
  giveUp(error: FramewireError): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#link.abort();
    events.lost(this, error);
  }

  // The receiver's side, for the link that carries it.

  data(chunk: Uint8Array): boolean {
    const receiver = this.#receiver;
    if (receiver !== undefined) return receiver.data(chunk);
    // What comes behind an abort is nobody's.
    return this.#events !== undefined && this.#takeHeader(chunk);
  }

  ended(): void {
    if (this.#receiver !== undefined) this.#receiver.ended();
    else this.giveUp(incomplete("the stream ended"));
  }

  written(): void {
    this.#receiver?.written();
  }

  closed(cause: Error | undefined): void {
    if (this.#receiver !== undefined) this.#receiver.closed(cause);
    else this.giveUp(incomplete("the connection was closed"));
  }

  #takeHeader(chunk: Uint8Array): boolean {
    const before = this.#head.length;
    const head = new Uint8Array(before + chunk.length);
    head.set(this.#head);
    head.set(chunk, before);
    this.#head = head;
    let header;
    try {
      header = readProxyHeader(head);
      if (header === "none" && this.#required) {
        throw new FramewireError(
          "PROXY_HEADER_INVALID",
          "a trusted proxy must begin with a PROXY header, version 1 or 2 (proxyProtocol); " +
            "is sending it switched on in the proxy?",
          { firstBytes: head.slice(0, 16) },
        );
      }
    } catch (error) {
      this.giveUp(error as FramewireError);
      return false;
    }
    if (header === undefined) return false;
    let rest = head;
    if (header !== "none") {
      rest = head.subarray(header.length);
      const { source } = header;
      if (source !== undefined) {
        this.#remote = { hostname: normaliseAddress(source.hostname), port: source.port };
      }
    }
    const events = this.#events!;
    this.#events = undefined;
    this.#head = NOTHING;
    events.ready(this);
    if (rest.length > 0) this.#receiver?.data(rest); // memory of its own: it may be kept
    return false;
  }
}

function incomplete(what: string): FramewireError {
  return new FramewireError(
    "PROXY_HEADER_INVALID",
    `${what} before the PROXY header of a trusted proxy was complete`,
  );
}
