/**
 * The packets of a protocol with all that servers and whole clients need.
 *
 * @module
 */
import { checkFraming } from "../../codec/check_framing.ts";
import type { PacketSpecs, ProtocolSpec } from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { config } from "./fields/shape.ts";
import { FrameTemplate } from "./frame_template.ts";
import type { TableParts } from "./packet_table.ts";
import { ReplyPlan } from "./reply_run.ts";
import { Seal } from "./seal.ts";

/** All there is. */
export const WHOLE_TABLE: TableParts = {
  find: checkFraming,
  seal: sealOf,
  replies: {
    template: (head, header, frames, shape) => FrameTemplate.of(head, header, frames, shape),
    plan: (template, body) => ReplyPlan.of(template, body),
  },
};

/** What the frames of a protocol have around their content. */
function sealOf(spec: ProtocolSpec<Shape, PacketSpecs>): Seal | undefined {
  const { framing, checksum, compression, packets } = spec;
  if (checksum === undefined && compression === undefined) return undefined;
  const seal = new Seal(framing, checksum, compression);
  for (const [name, { kind }] of Object.entries(packets)) {
    const taken = [kind ?? 0].flat().find((value) => (value & seal.bit) !== 0);
    if (taken !== undefined) {
      throw config(`the kind of ${name}, ${taken}, has the bit ${seal.bit} that says compressed`);
    }
  }
  return seal;
}
