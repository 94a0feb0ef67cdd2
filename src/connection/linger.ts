/**
 * The last input of a connection, which is thrown away, within a number of bytes and a time.
 *
 * @module
 */
import type { Link } from "../link/link.ts";
import { systemClock, type Timer } from "./clock.ts";
import type { ConnectionConfig } from "./config.ts";

/** How much input is thrown away before the link is aborted, in bytes. */
const LINGER_BYTES = 4 << 20;

/** Waits for the peer's end. */
export class Linger {
  readonly #link: Link;
  readonly #config: ConnectionConfig;
  #bytes = 0;
  #timer: Timer | undefined;

  /** @param link What is aborted when the peer does not end. */
  constructor(link: Link, config: ConnectionConfig) {
    this.#link = link;
    this.#config = config;
  }

  /** So much input was thrown away. */
  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > LINGER_BYTES) this.#link.abort();
  }

  /** Gives the peer `lingerMs` from now on. */
  cutLater(): void {
    const { clock = systemClock, lingerMs } = this.#config;
    this.#timer?.cancel();
    this.#timer = clock.after(lingerMs, () => this.#link.abort());
  }

  /** The link is closed. */
  close(): void {
    this.#timer?.cancel();
  }
}
