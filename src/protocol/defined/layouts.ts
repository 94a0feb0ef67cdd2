/**
 * The framings of the two built-in protocols (docs/PROTOCOL.md).
 *
 * @module
 */
import { type KindField, lengthField, type LengthFieldFraming } from "../../codec/framing.ts";

/** `submit`: u32 total that counts itself, u8 command, 8 bytes of id, body. */
export const SUBMIT_FRAMING: LengthFieldFraming = /* @__PURE__ */ lengthField({
  counts: "frame",
  minFrameBytes: 13,
});

/** The command of a `submit` frame. */
export const SUBMIT_KIND: KindField = { offset: 4, bytes: 1, littleEndian: false };

/** `echo`: u32 type, u32 length of the data alone, data. */
export const ECHO_FRAMING: LengthFieldFraming = /* @__PURE__ */ lengthField({ offset: 4 });

/** The type of an `echo` frame. */
export const ECHO_KIND: KindField = { offset: 0, bytes: 4, littleEndian: false };
