/**
 * Framings that were not made here: by hand, or by another copy of the library.
 *
 * @module
 */
import {
  custom,
  type CustomFraming,
  delimiter,
  type DelimiterFraming,
  fixed,
  type FixedFraming,
  type Framing,
  lengthField,
  type LengthFieldFraming,
  varint,
  type VarintFraming,
} from "./framing.ts";
import { type FramingScans, knownScans, notMade, ownScans, scannedBy } from "./framing_scans.ts";

/**
 * Refuses a framing that was not made by this module's functions and is none they would make. It
 * may come from another copy of the library.
 *
 * @returns What scans it.
 * @throws FramewireError INVALID_CONFIG.
 */
export function checkFraming(framing: Framing): FramingScans {
  const known = knownScans(framing);
  if (known !== undefined) return known;
  const scans = ownScans(remake(framing));
  if (Object.isFrozen(framing)) scannedBy(framing, scans);
  return scans;
}

/** The framing that the function of its kind makes of it. */
function remake(framing: Framing): Framing {
  switch (typeof framing === "object" && framing !== null ? framing.kind : undefined) {
    case "lengthField": {
      const { littleEndian, ...options } = framing as LengthFieldFraming;
      return lengthField({ ...options, endian: littleEndian ? "little" : "big" });
    }
    case "varint":
      return varint(framing as VarintFraming);
    case "delimiter":
      return delimiter((framing as DelimiterFraming).delimiters, framing as DelimiterFraming);
    case "fixed":
      return fixed((framing as FixedFraming).frameBytes);
    case "custom":
      return custom((framing as CustomFraming).scan, framing as CustomFraming);
    default:
      throw notMade();
  }
}
