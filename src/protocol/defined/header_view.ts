/**
 * The header of a packet as handlers see it: each field is decoded when it is asked for.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import { QuickReader } from "./fields/ascii.ts";
import { FieldProblem, type Shape } from "./fields/field.ts";
import type { AnyField } from "./fields/field_row.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { HeaderCodec } from "./header.ts";
import type { Place } from "./packet.ts";
import { quickGetter } from "./quick_getters.ts";

const reader = /* @__PURE__ */ new QuickReader();

/** The fields of a header, each decoded when it is asked for. */
export class HeaderView {
  readonly #place: Place;

  /** Where the packet is that a header is of. */
  static placeOf(view: HeaderView): Place {
    return view.#place;
  }

  /** The header of the packet at a place. */
  constructor(place: Place) {
    this.#place = place;
  }
}

/** Makes the class of the views of a header: they have a getter for each of its fields. */
export function viewClass(
  codec: HeaderCodec,
  shape: ShapeCodec,
  fields: Shape,
): new (place: Place) => HeaderView {
  const { placeOf } = HeaderView;
  class View extends HeaderView {}
  const getter = (name: string, get: (this: HeaderView) => unknown, enumerable: boolean) =>
    Object.defineProperty(View.prototype, name, { configurable: true, enumerable, get });
  for (const [name, field] of Object.entries(fields) as unknown as [string, AnyField][]) {
    const offset = shape.offsetOf(name);
    const read = offset === undefined || field.readsRecord
      ? ({ chunk, start, end }: Place) => codec.readRecord(chunk, start, end)[name]
      : ({ chunk, start, end }: Place) => {
        reader.open(chunk, start + offset, end);
        return field.read(reader);
      };
    const checked = (place: Place): unknown => {
      try {
        return read(place);
      } catch (problem) {
        if (!(problem instanceof FieldProblem)) throw problem;
        const message = `header.${problem.path || name} ${problem.message}`;
        throw new FramewireError(problem.code, message, { cause: problem });
      }
    };
    const quick = offset === undefined
      ? undefined
      : quickGetter(field.inline, { inHeader: true, offset }, placeOf, checked);
    const usual = function (this: HeaderView) {
      return checked(placeOf(this));
    };
    getter(name, quick ?? usual, true);
  }
  const toJSON = function (this: HeaderView) {
    const { chunk, start, end } = placeOf(this);
    return () => codec.readRecord(chunk, start, end);
  };
  getter("toJSON", toJSON, false);
  return View;
}
