/**
 * How packets stand in frames: where a frame has its header, its kind and its body.
 *
 * @module
 */
import type { Framing, KindField } from "../../codec/framing.ts";
import type { FrameWriter } from "../../codec/frame_writer.ts";
import type { IdField } from "../../observe/flight.ts";
import type { Shape } from "./fields/field.ts";
import { config } from "./fields/shape.ts";
import type { HeaderCodec } from "./header.ts";
import type { Seal } from "./seal.ts";

/** A framing and the header that its frames begin with. */
export class PacketFraming {
  /** How the stream is cut into frames. */
  readonly framing: Framing;
  /** How the scan reads a packet's kind, where it can. */
  readonly kindField: KindField | undefined;
  /** Where a frame has what pairs it with its request, for the flight recorder. */
  readonly idField: IdField | undefined;
  /** The header. */
  readonly header: HeaderCodec;
  /** What frames have around their content, if anything. */
  readonly seal: Seal | undefined;
  /** Makes frames. */
  readonly frames: FrameWriter;
  /** Whether the header stands before the frame's varint, and the body behind it. */
  readonly #varint: boolean;

  /**
   * Checks that the two go together. The framing itself was checked.
   *
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(
    framing: Framing,
    frames: FrameWriter,
    header: HeaderCodec,
    shape: Shape,
    seal?: Seal,
  ) {
    this.framing = framing;
    this.frames = frames;
    this.header = header;
    this.seal = seal;
    this.#varint = framing.kind === "varint" && framing.offset > 0;
    this.#check(shape);
    this.kindField = this.#place(header.kindField);
    this.idField = this.#place(header.correlatePlace);
    if (seal !== undefined && seal.bit !== 0 && this.kindField === undefined) {
      throw config(
        "compressed bodies need a kind of 1, 2 or 4 whole bytes, with a bit that says so",
      );
    }
  }

  /** Whether the body begins behind a header of one length. */
  get isPlain(): boolean {
    return !this.#varint && this.header.width !== undefined;
  }

  /** Where the header of a frame begins: `lead` is what the scan says to strip at its front. */
  headerAt(offset: number, lead: number): number {
    return this.#varint ? offset : offset + lead;
  }

  /** Where the body of a frame begins. */
  bodyAt(chunk: Uint8Array, offset: number, lead: number, header: number, end: number): number {
    return this.#varint ? offset + lead : this.header.bodyAt(chunk, header, end);
  }

  #check(shape: Shape): void {
    const { framing } = this;
    if (framing.kind === "lengthField" && framing.strip === 0) {
      const { offset, size } = framing;
      if (this.header.fieldAt(offset, size, shape) === undefined) {
        throw config(
          `the framing strips nothing, so the header must have a field of ${size} bytes at byte ` +
            `${offset} for the length; or let it strip the first ${offset + size} bytes`,
        );
      }
    }
    if (this.#varint && framing.kind === "varint" && this.header.width !== framing.offset) {
      throw config(
        `the header must be the ${framing.offset} bytes before the varint, and has ` +
          `${this.header.width ?? "no fixed number"}`,
      );
    }
  }

  /** The place of a header's field, counted from the frame's first byte; undefined where that varies. */
  #place<F extends { readonly offset: number }>(field: F | undefined): F | undefined {
    const { framing } = this;
    if (field === undefined) return undefined;
    if (framing.kind === "lengthField") return { ...field, offset: field.offset + framing.strip };
    return framing.kind === "delimiter" || framing.kind === "custom" ||
        framing.kind === "varint" && !this.#varint
      ? undefined
      : field;
  }
}
