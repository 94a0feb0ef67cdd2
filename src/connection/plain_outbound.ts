/**
 * What waits to be written: the one writer of a link.
 *
 * Encoders write straight into the buffer that will be sent; what one turn produced leaves in one
 * write. At most one write is under way, and nothing is held while there is nothing to send.
 *
 * @module
 */
import type { Link } from "../link/link.ts";
import { giveBuffer, takeBuffer } from "./buffer_pool.ts";

/** The first buffer of a batch; batches that outgrow it go on in larger ones. */
const FIRST_BUFFER_BYTES = 4 * 1024;

/** Buffers after the first. */
const NEXT_BUFFER_BYTES = 64 * 1024;

/** A buffer to be written. */
export interface OutboundSegment {
  /** The memory. */
  readonly buffer: Uint8Array;
  /** How much of it is to be written. */
  readonly length: number;
  /** Whether other connections send the same memory, so that it is nobody's to give back. */
  readonly shared: boolean;
}

/** Queue of bytes for one link: what a small client needs of it; {@linkcode Outbound} has the rest. */
export class PlainOutbound {
  /** What it writes to. */
  protected readonly link: Link;
  /** Full buffers that wait behind the write under way, once there have been some. */
  protected full: OutboundSegment[] | undefined;
  /** The buffer that is being filled. */
  protected filling: Uint8Array | undefined;
  /** How much of it is. */
  protected filled = 0;
  /** The buffer that the link reads from. */
  protected writing: Uint8Array | undefined;
  /** How much of it that is. */
  protected writingBytes = 0;
  #writingShared = false;
  /** Bytes in the full buffers. */
  protected fullBytes = 0;
  /** Whether the link is closed. */
  protected closed = false;
  /** Whether what is being filled must not leave yet. */
  protected waits = false;
  /** Called when it is closed. */
  onClosed: (() => void) | undefined;
  /** Bytes given to the link and gone since the beginning. */
  bytesOut = 0;
  /** Bytes given to the link since the beginning, gone or not. */
  handed = 0;

  /** An empty queue for the link it writes to. */
  constructor(link: Link) {
    this.link = link;
  }

  /** Bytes that have not left yet. */
  get queuedBytes(): number {
    return this.filled + this.fullBytes + this.writingBytes;
  }

  /** Bytes that were not given to the link yet. */
  get unwrittenBytes(): number {
    return this.filled + this.fullBytes;
  }

  /** Where in the stream the next byte to be put out will be, counted from the beginning. */
  get position(): number {
    return this.handed + this.fullBytes + this.filled;
  }

  /** Forgets what has not been given to the link: nobody waits for it any more. */
  discard(): void {
    for (const { buffer, shared } of this.full ?? []) if (!shared) giveBuffer(buffer);
    if (this.filling !== undefined) giveBuffer(this.filling);
    this.full = undefined;
    this.filling = undefined;
    this.filled = this.fullBytes = 0;
  }

  /**
   * Makes room for `bytes` more bytes in one piece. Write them to the returned buffer at
   * {@linkcode at}, then {@linkcode commit}.
   */
  reserve(bytes: number): Uint8Array {
    let buffer = this.filling;
    if (buffer !== undefined) {
      if (buffer.length - this.filled >= bytes) return buffer;
      this.setAside(buffer);
      buffer = takeBuffer(Math.max(bytes, NEXT_BUFFER_BYTES));
    } else {
      buffer = takeBuffer(Math.max(bytes, FIRST_BUFFER_BYTES));
    }
    return this.filling = buffer;
  }

  /** Where in the reserved buffer the next byte belongs. */
  get at(): number {
    return this.filled;
  }

  /** Says that `bytes` bytes were written to the reserved room. */
  commit(bytes: number): void {
    this.filled += bytes;
  }

  /** Copies bytes to the end of the queue. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.filled);
    this.filled += bytes.length;
  }

  /** Hands what there is to the link, unless a write is under way: then `written` goes on. */
  flush(): void {
    while (this.writing === undefined && !this.closed) {
      let buffer: Uint8Array;
      let length: number;
      let shared = false;
      const segment = this.next();
      if (segment !== undefined) {
        ({ buffer, length, shared } = segment);
        this.fullBytes -= length;
      } else if (this.filled > 0 && !this.waits) {
        buffer = this.filling!;
        length = this.filled;
        this.filling = undefined;
        this.filled = 0;
      } else {
        return;
      }
      this.handed += length;
      if (this.link.write(buffer.length === length ? buffer : buffer.subarray(0, length))) {
        this.bytesOut += length;
        if (!shared) giveBuffer(buffer);
        this.left();
      } else {
        this.writing = buffer;
        this.writingBytes = length;
        this.#writingShared = shared;
      }
    }
  }

  /** The link has sent the write under way; the next one follows. */
  written(): void {
    const buffer = this.writing;
    if (buffer === undefined) return;
    this.bytesOut += this.writingBytes;
    this.writing = undefined;
    this.writingBytes = 0;
    if (!this.#writingShared) giveBuffer(buffer);
    this.flush();
    this.left();
  }

  /** The next full buffer to be written, if there is one. */
  protected next(): OutboundSegment | undefined {
    return this.full?.shift();
  }

  /** Something has left. */
  protected left(): void {}

  /** Puts a full buffer behind those that wait. */
  protected push(segment: OutboundSegment): void {
    (this.full ??= []).push(segment);
    this.fullBytes += segment.length;
  }

  /** Forgets what has not left: the link is closed. */
  close(): void {
    this.closed = true;
    // A buffer under way may still be read by the runtime: it goes to the garbage collector.
    this.writing = undefined;
    this.filling = undefined;
    this.full = undefined;
    this.filled = this.fullBytes = this.writingBytes = 0;
    this.onClosed?.();
  }

  /** What was being filled waits behind the full ones. */
  protected setAside(buffer: Uint8Array): void {
    if (this.filled === 0) {
      giveBuffer(buffer);
      return;
    }
    this.push({ buffer, length: this.filled, shared: false });
    this.filled = 0;
  }
}
