/**
 * What calls fail with that a connection cannot make.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import type { Feature } from "../commands.ts";

/** What a call fails with that needs a feature which was not agreed upon. */
export function lacks(feature: Feature): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    `the feature ${feature} is not agreed upon with this server: connect with hello "required" or ` +
      '"auto", to a server that has it',
  );
}

/** What a stream is refused with that is to be submitted in a session. */
export function noStreams(): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    "what is submitted in a session is kept until it is answered, and a stream cannot be: send it as " +
      "bytes, or by a client without sessions",
    { outcome: "not-sent" },
  );
}
