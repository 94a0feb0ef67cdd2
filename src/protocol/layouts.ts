/**
 * The framings of the two built-in protocols (docs/PROTOCOL.md).
 *
 * @module
 */
import type { FrameLayout } from "../codec/codec.ts";

/** `submit`: u32 total that counts itself, u8 command, 8 bytes of id, body. */
export const SUBMIT_LAYOUT: FrameLayout = {
  lengthOffset: 0,
  lengthBytes: 4,
  adjust: -4,
  littleEndian: false,
  minFrameBytes: 13,
  kindOffset: 4,
  kindBytes: 1,
};

/** `echo`: u32 type, u32 length of the data alone, data. */
export const ECHO_LAYOUT: FrameLayout = {
  lengthOffset: 4,
  lengthBytes: 4,
  adjust: 0,
  littleEndian: false,
  minFrameBytes: 8,
  kindOffset: 0,
  kindBytes: 4,
};
