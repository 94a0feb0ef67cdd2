/**
 * The header of a packet as handlers see it: each field is decoded when it is asked for.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import { type Field, FieldProblem, FieldReader, type Shape } from "./fields/field.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { HeaderCodec } from "./header.ts";
import type { Place } from "./packet.ts";

type AnyField = Field<unknown, unknown, boolean>;

const reader = new FieldReader();

/** Reads a field of a header. */
let fieldOf: (view: HeaderView, read: FieldRead) => unknown;

type FieldRead = (chunk: Uint8Array, start: number, end: number) => unknown;

/** The fields of a header, each decoded when it is asked for. */
export class HeaderView {
  readonly #place: Place;

  static {
    fieldOf = (view, read) => {
      const { chunk, start, end } = view.#place;
      return read(chunk, start, end);
    };
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
  class View extends HeaderView {}
  const getter = (name: string, read: FieldRead, enumerable: boolean) =>
    Object.defineProperty(View.prototype, name, {
      configurable: true,
      enumerable,
      get(this: HeaderView) {
        try {
          return fieldOf(this, read);
        } catch (problem) {
          if (!(problem instanceof FieldProblem)) throw problem;
          const message = `header.${problem.path || name} ${problem.message}`;
          throw new FramewireError(problem.code, message, { cause: problem });
        }
      },
    });
  for (const [name, field] of Object.entries(fields) as unknown as [string, AnyField][]) {
    const offset = shape.offsetOf(name);
    const read: FieldRead = offset === undefined || field.readsRecord
      ? (chunk, start, end) => codec.readRecord(chunk, start, end)[name]
      : (chunk, start, end) => {
        reader.open(chunk, start + offset, end);
        return field.read(reader);
      };
    getter(name, read, true);
  }
  getter("toJSON", (...place) => () => codec.readRecord(...place), false);
  return View;
}
