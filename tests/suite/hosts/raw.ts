/**
 * A peer that knows bytes and nothing of frames, over the link of whichever runtime and scheme.
 *
 * @module
 */

import type { ConnectTarget, Link, Transport } from "../../../src/link/link.ts";
import { join } from "../../helpers/frames.ts";

/** One end of a connection, played by hand. */
export class Raw {
  readonly #link: Link;
  #chunks: Uint8Array[] = [];
  #receivedBytes = 0;
  #isEnded = false;
  /** Woken whenever something has come. */
  #waiters: (() => void)[] = [];
  #written: (() => void) | undefined;
  #writes = Promise.resolve();

  private constructor(link: Link) {
    this.#link = link;
    link.start({
      data: (chunk) => {
        this.#chunks.push(chunk.slice());
        this.#receivedBytes += chunk.length;
        this.#wake();
        return false;
      },
      ended: () => this.#end(),
      written: () => this.#written?.(),
      closed: () => this.#end(),
    });
  }

  /** Connects. */
  static async connect(transport: Transport, target: ConnectTarget): Promise<Raw> {
    return new Raw(await transport.connect(target));
  }

  /** Sends bytes behind those that were sent before. @returns Settles when they have left. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#writes = this.#writes.then(() => {
      if (bytes.length === 0 || this.#isEnded || this.#link.write(bytes)) return;
      return new Promise<void>((resolve) => this.#written = resolve);
    });
  }

  /** Sends this side's end, behind what was written; reading goes on. */
  end(): void {
    void this.#writes.then(() => this.#link.end());
  }

  /** Stops reading. */
  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** The first `bytes` bytes, when they have come; fewer when the other end has ended before. */
  async read(bytes: number): Promise<Uint8Array> {
    while (this.#receivedBytes < bytes && !this.#isEnded) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    const all = join(...this.#chunks);
    this.#chunks = [all];
    return all.slice(0, bytes);
  }

  /** All that the other end sends until its end. */
  async readToEnd(): Promise<Uint8Array> {
    const all = await this.read(Infinity);
    this.#link.end();
    return all;
  }

  /** Closes both ways at once. */
  abort(): void {
    this.#link.abort();
  }

  #end(): void {
    this.#isEnded = true;
    this.#written?.();
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
