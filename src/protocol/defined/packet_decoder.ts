/**
 * Packets out of bytes, without a connection.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { FrameConsumer } from "../../codec/frame_consumer.ts";
import { FrameDecoder } from "../../codec/frame_decoder.ts";
import { ownLimit } from "../../codec/frame_layout.ts";
import { type CodecChoice, codecsOf } from "../../codec/lend.ts";
import { FramewireError } from "../../errors.ts";
import type { DefinedPacket } from "./packet.ts";
import { PacketFinder } from "./packet_finder.ts";
import type { PacketTable, Side } from "./packet_table.ts";

/** Options of a protocol's `decoder`. */
export interface PacketDecoderOptions {
  /**
   * The side that sent the stream; by default either one, which only matters where both sides have
   * packets of the same kind, or of no kind.
   */
  readonly from?: "client" | "server";
  /** Which codec scans the stream. @default {"auto"} */
  readonly codec?: CodecChoice;
  /** The longest frame, all of it, in bytes; by default what the framing says. */
  readonly maxFrameBytes?: number;
}

/** Cuts a stream into packets; made by a protocol's `decoder`. */
export interface PacketDecoder<Any> {
  /**
   * Takes the next bytes of the stream.
   *
   * @returns The packets that are now complete. They are views of the chunk, as far as they lie in it
   * whole, decoded on first access: read, or copy by `toObject`, before its memory is used again.
   * @throws FramewireError when the stream is malformed; then the packets before are lost with it.
   */
  push(chunk: Uint8Array): Any[];
  /**
   * Says that the stream has ended.
   *
   * @throws FramewireError TRUNCATED when it ended inside a packet.
   */
  end(): void;
}

/** A decoder of a protocol's packets. */
export class StreamPackets implements PacketDecoder<DefinedPacket>, FrameConsumer {
  readonly #table: PacketTable;
  readonly #finder: PacketFinder;
  readonly #decoder: FrameDecoder;
  #opens: boolean;
  #found: DefinedPacket[] = [];
  /** What it finds is the user's to keep. */
  keepsChunk = true;

  /** @param opens Whether the stream begins with the packet that opens a connection. */
  constructor(table: PacketTable, options: PacketDecoderOptions, opens: boolean) {
    const { from, codec = "auto", maxFrameBytes } = options;
    const framing = opens ? table.opening!.framing : table.framing;
    this.#table = table;
    this.#finder = new PacketFinder(table, from);
    this.#opens = opens;
    const limit = maxFrameBytes ?? ownLimit(table.framing.framing);
    this.#decoder = new FrameDecoder(
      framing.framing,
      framing.kindField,
      codecsOf(codec),
      limit,
      this,
    );
  }

  /** {@inheritDoc PacketDecoder.push} */
  push(chunk: Uint8Array): DefinedPacket[] {
    this.#found = [];
    // Node's Buffer has a `slice` that does not copy.
    const plain = chunk.constructor === Uint8Array
      ? chunk
      : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#decoder.push(plain);
    return this.#found;
  }

  /** {@inheritDoc PacketDecoder.end} */
  end(): void {
    this.#decoder.end();
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    const finder = this.#finder;
    this.keepsChunk = true;
    if (this.#opens) {
      finder.findOpening(words, chunk);
      const { header, body, end } = finder;
      this.#found.push(this.#table.opening!.type.at(chunk, header, body, end));
      this.#opens = false;
      const { framing, kindField } = this.#table.framing;
      this.#decoder.reframe(framing, kindField);
      return 1;
    }
    for (let i = 0; i < count; i++) {
      const type = finder.find(words, i, chunk);
      if (type === undefined) throw finder.unknown(chunk);
      this.#found.push(type.at(finder.chunk, finder.header, finder.body, finder.end));
    }
    return count;
  }
}

/** Decodes single frames of a protocol. */
export class FramePackets {
  readonly #table: PacketTable;
  readonly #decoders = new Map<Side | undefined, StreamPackets>();

  /** Decodes the packets of a table. */
  constructor(table: PacketTable) {
    this.#table = table;
  }

  /** The packet that is exactly `frame`. */
  decode(frame: Uint8Array, from: Side | undefined): DefinedPacket {
    let decoder = this.#decoders.get(from);
    if (decoder === undefined) {
      // One frame is not worth the way into WASM.
      const side = from === undefined ? {} : { from };
      decoder = new StreamPackets(this.#table, { ...side, codec: "ts" }, false);
    }
    this.#decoders.delete(from); // one that fails is not used again
    const packets = decoder.push(frame);
    decoder.end();
    if (packets.length !== 1) {
      throw new FramewireError("INVALID_CONTENT", `${packets.length} frames came, expected one`);
    }
    this.#decoders.set(from, decoder);
    return packets[0]!;
  }
}
