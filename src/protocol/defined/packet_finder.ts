/**
 * Packets in the frames of a scan: of which kind each is, and where its parts are.
 *
 * @module
 */
import type { KindField } from "../../codec/framing.ts";
import { FieldProblem } from "./fields/field.ts";
import { headerError, tooShort, unknownPacket } from "./packet_errors.ts";
import type { PacketFraming } from "./packet_framing.ts";
import { other, type PacketTable, type SentPackets, type Side } from "./packet_table.ts";
import type { PacketType } from "./packet_type.ts";
import type { Seal } from "./seal.ts";

const NOTHING = /* @__PURE__ */ new Uint8Array(0);

/** Finds the packets that one side sends. What it found last stands in its properties. */
export class PacketFinder {
  readonly #table: PacketTable;
  readonly #sender: Side | undefined;
  readonly #packets: SentPackets;
  readonly #framing: PacketFraming;
  readonly #kindField: KindField | undefined;
  readonly #hasConstants: boolean;
  readonly #seal: Seal | undefined;
  /** Whether all packets have a kind and a header of one length, and nothing else to look at. */
  readonly isPlain: boolean;
  /** The length of the header, where that is always the same. */
  readonly headerBytes: number;
  /** The memory it is in: the chunk's, or its own when its body was compressed. */
  chunk: Uint8Array = NOTHING;
  /** Its kind. */
  kind = 0;
  /** Where its frame begins. */
  offset = 0;
  /** Where its header begins. */
  header = 0;
  /** Where its body begins. */
  body = 0;
  /** Where its content ends. */
  end = 0;

  /** Finds what `sender` sends, or what either side does. */
  constructor(table: PacketTable, sender: Side | undefined) {
    this.#table = table;
    this.#sender = sender;
    this.#packets = sender === undefined ? table.fromEither() : table.from[sender];
    this.#framing = table.framing;
    this.#kindField = table.framing.kindField;
    this.#hasConstants = table.framing.header.hasConstants;
    this.#seal = table.framing.seal;
    this.headerBytes = table.framing.header.width ?? 0;
    this.isPlain = this.#kindField !== undefined && !this.#hasConstants &&
      this.#seal === undefined && table.framing.isPlain;
  }

  /** Where {@linkcode isPlain}: the type of requests of a kind; undefined where there are none. */
  requestOf(kind: number): PacketType | undefined {
    const type = this.#packets.ofKind(kind);
    return type === undefined || type.isReply ? undefined : type;
  }

  /**
   * Finds the packet in frame number `index`.
   *
   * @returns Its type; undefined when it is of no kind that this side sends.
   * @throws FramewireError when its header cannot be.
   */
  find(words: Int32Array, index: number, chunk: Uint8Array): PacketType | undefined {
    const framing = this.#framing;
    const offset = words[index * 4]!;
    const strip = words[index * 4 + 3]!;
    const lead = strip & 0xffff;
    const end = offset + words[index * 4 + 1]! - (strip >>> 16);
    const header = framing.headerAt(offset, lead);
    this.chunk = chunk;
    this.offset = offset;
    this.header = header;
    this.end = end;
    if (this.#seal !== undefined) return this.#open(this.#seal, words[index * 4 + 2]!, lead, chunk);
    if (this.#kindField !== undefined && !this.#hasConstants) {
      this.kind = words[index * 4 + 2]!;
      const type = this.#packets.ofKind(this.kind);
      if (type !== undefined) {
        this.body = framing.bodyAt(chunk, offset, lead, header, end);
        if (this.body > end) throw tooShort(type, chunk, offset, end);
      }
      return type;
    }
    return this.#findInHeader(words[index * 4 + 2]!, lead, chunk);
  }

  /** The same where frames have a checksum or compressed bodies. */
  #open(seal: Seal, kind: number, lead: number, chunk: Uint8Array): PacketType | undefined {
    seal.check(chunk, this.offset, this.end);
    this.end -= seal.trailerBytes;
    const packed = (kind & seal.bit) !== 0;
    const type = this.#findInHeader(kind & ~seal.bit, lead, chunk);
    if (packed && type !== undefined) {
      const { header, body } = this;
      this.chunk = seal.unpack(chunk, header, body, this.end);
      this.header = 0;
      this.body = body - header;
      this.end = this.chunk.length;
    }
    return type;
  }

  /** The same where the header itself has to be looked at. */
  #findInHeader(kind: number, lead: number, chunk: Uint8Array): PacketType | undefined {
    const { header, end } = this;
    try {
      const codec = this.#framing.header;
      if (this.#hasConstants) codec.checkConstants(chunk, header, end);
      if (!this.#table.hasKind) this.kind = 0;
      else this.kind = this.#kindField !== undefined ? kind : codec.kindOf(chunk, header, end);
      const type = this.#table.hasKind ? this.#packets.ofKind(this.kind) : this.#packets.only;
      this.body = this.#framing.bodyAt(chunk, this.offset, lead, header, end);
      if (type !== undefined && this.body > end) throw tooShort(type, chunk, this.offset, end);
      return type;
    } catch (problem) {
      throw problem instanceof FieldProblem ? headerError(problem) : problem;
    }
  }

  /** Finds the packet that opens a connection in the first frame. */
  findOpening(words: Int32Array, chunk: Uint8Array): void {
    const strip = words[3]!;
    this.chunk = chunk;
    this.offset = words[0]!;
    this.header = this.body = this.offset + (strip & 0xffff);
    this.end = this.offset + words[1]! - (strip >>> 16);
  }

  /** What is wrong with the packet found last, whose type is not known. */
  unknown(chunk: Uint8Array): Error {
    const { kind, offset, end } = this;
    const table = this.#table;
    const sender = this.#sender;
    const misdirected = sender && table.from[other(sender)].ofKind(kind);
    const packets = table.hasKind ? table.types : undefined;
    return unknownPacket(packets, sender, misdirected, kind, chunk, offset, end);
  }
}
