/**
 * Getters of the commonest fields, where these have their places in a packet or its header.
 *
 * They read in the chunk itself. On the usual way a getter calls the field, through the shape and
 * the packet's type: a view or a short text took twice as long by it.
 *
 * @module
 */
import { decodeEight, decodeText } from "./fields/ascii.ts";
import { FieldReader } from "./fields/field.ts";
import { type InlineField, Op } from "./fields/inline.ts";
import type { Place } from "./packet.ts";

const reader = /* @__PURE__ */ new FieldReader();

/** Where a field stands. */
export interface FieldSpot {
  /** Whether it is one of the header's; else it is one of the body's. */
  readonly inHeader: boolean;
  /** How many bytes are before it there. */
  readonly offset: number;
  /** How long the body is, where only one length is right. */
  readonly bodyBytes?: number | undefined;
}

/**
 * Makes the getter of a field.
 *
 * @param placeOf Where the packet is that the getter is of.
 * @param otherwise Reads it the usual way, where its bytes are not there; that says what is wrong.
 * @returns Undefined where it is read the usual way only.
 */
export function quickGetter<View>(
  inline: InlineField | undefined,
  { inHeader, offset, bodyBytes = -1 }: FieldSpot,
  placeOf: (view: View) => Place,
  otherwise: (place: Place) => unknown,
): ((this: View) => unknown) | undefined {
  const size = inline?.size ?? 0;
  /** Where the field begins, if it is all there; else -1. */
  const find = (place: Place): number => {
    const { end, body } = place;
    const from = (inHeader ? place.start : body) + offset;
    if (from + size > end || bodyBytes >= 0 && end - body !== bodyBytes) return -1;
    return from;
  };
  switch (inline?.op) {
    case Op.U8:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        return from < 0 ? otherwise(place) : place.chunk[from];
      };
    case Op.U16:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        const { chunk } = place;
        return from < 0 ? otherwise(place) : chunk[from]! << 8 | chunk[from + 1]!;
      };
    case Op.U32:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        if (from < 0) return otherwise(place);
        const { chunk } = place;
        return (chunk[from]! << 24 | chunk[from + 1]! << 16 | chunk[from + 2]! << 8 |
          chunk[from + 3]!) >>> 0;
      };
    case Op.FIXED_BYTES:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        if (from < 0) return otherwise(place);
        reader.open(place.chunk, 0, 0);
        return reader.view(from, from + size);
      };
    case Op.FIXED_TEXT:
      if (size === 8) {
        return function () {
          const place = placeOf(this);
          const from = find(place);
          return from < 0 ? otherwise(place) : decodeEight(place.chunk, from);
        };
      }
      return function () {
        const place = placeOf(this);
        const from = find(place);
        return from < 0 ? otherwise(place) : decodeText(place.chunk, from, from + size);
      };
    case Op.REST:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        if (from < 0) return otherwise(place);
        if (place.views !== undefined) {
          return place.views.of(place.index, from, place.end - from);
        }
        reader.open(place.chunk, 0, 0);
        return reader.view(from, place.end);
      };
    case Op.REST_TEXT:
      return function () {
        const place = placeOf(this);
        const from = find(place);
        return from < 0 ? otherwise(place) : decodeText(place.chunk, from, place.end);
      };
  }
  return undefined;
}
