/**
 * A request of the `submit` protocol, as a handler sees it.
 *
 * @module
 */

/** Bytes before the payload: total u32, command u8, id 8 bytes (docs/PROTOCOL.md). */
export const SUBMIT_HEADER_BYTES = 13;

const ID_OFFSET = 5;
const ID_BYTES = 8;
const decoder = new TextDecoder();

/** Points a packet at a frame; only the endpoints do. */
export let pointAt: (
  packet: SubmitPacket,
  chunk: Uint8Array,
  offset: number,
  length: number,
) => void;

/**
 * A Submit or Conn request. It is lazy: nothing is decoded or copied until it is asked for.
 *
 * The packet and the views it gives (`idBytes`, `payload`) are valid until the handler returns, or,
 * when it returned a promise, until that settles. Then the memory holds other packets: what is to
 * live longer is taken with {@linkcode copy}, or as a string.
 */
export class SubmitPacket {
  #chunk: Uint8Array = new Uint8Array(SUBMIT_HEADER_BYTES);
  #offset = 0;
  #length: number = SUBMIT_HEADER_BYTES;

  static {
    pointAt = (packet, chunk, offset, length) => {
      packet.#chunk = chunk;
      packet.#offset = offset;
      packet.#length = length;
    };
  }

  /** The request's id: 8 characters, one per byte (Latin-1, so that any bytes come through). */
  get id(): string {
    const chunk = this.#chunk;
    const at = this.#offset + ID_OFFSET;
    return String.fromCharCode(
      chunk[at]!,
      chunk[at + 1]!,
      chunk[at + 2]!,
      chunk[at + 3]!,
      chunk[at + 4]!,
      chunk[at + 5]!,
      chunk[at + 6]!,
      chunk[at + 7]!,
    );
  }

  /** The request's id as it came: a view of 8 bytes. */
  get idBytes(): Uint8Array {
    const at = this.#offset + ID_OFFSET;
    return this.#chunk.subarray(at, at + ID_BYTES);
  }

  /** Length of the payload in bytes; cheaper than `payload.length`. */
  get payloadBytes(): number {
    return this.#length - SUBMIT_HEADER_BYTES;
  }

  /** The payload: a view. */
  get payload(): Uint8Array {
    return this.#chunk.subarray(
      this.#offset + SUBMIT_HEADER_BYTES,
      this.#offset + this.#length,
    );
  }

  /** The payload as UTF-8 text; bytes that are none become U+FFFD. */
  text(): string {
    return decoder.decode(this.payload);
  }

  /** A packet of the same content in memory of its own, valid for ever. */
  copy(): SubmitPacket {
    const packet = new SubmitPacket();
    const end = this.#offset + this.#length;
    pointAt(packet, this.#chunk.slice(this.#offset, end), 0, this.#length);
    return packet;
  }
}
