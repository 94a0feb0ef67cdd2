/**
 * What the clients of `connect` are made of.
 *
 * @module
 */
import { codecsOf } from "../codec/lend.ts";
import { delayedOutbound } from "../connection/delayed_outbound.ts";
import type { ClientParts } from "./client.ts";
import { callBook } from "../protocol/call_book.ts";
import { Pulse } from "./pulse.ts";

/** All there is. */
export const WHOLE: ClientParts = {
  book: callBook,
  codecs: codecsOf,
  outbound: delayedOutbound,
  pulse: (line, clock, options) => new Pulse(line, clock, options),
};
