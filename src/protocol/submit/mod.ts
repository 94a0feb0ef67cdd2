/**
 * The `submit` protocol: requests with an 8-byte id, acknowledged by a result byte.
 *
 * @module
 */
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../defined/layouts.ts";
import { checkHandlers, LoadedLater, type Protocol } from "../protocol.ts";
import type { SubmitCalls } from "./client/calls.ts";
import type { SubmitHandlers } from "./server/handlers.ts";

const later = /* @__PURE__ */ new LoadedLater(() => import("./endpoints.ts"));

/** The `submit` protocol (docs/PROTOCOL.md, section 1). */
export const submit: Protocol<SubmitHandlers, SubmitCalls> = {
  name: "submit",
  framing: SUBMIT_FRAMING,
  kind: SUBMIT_KIND,
  id: { offset: 5, bytes: 8 },
  load: () => later.load(),
  server(handlers) {
    checkHandlers("submit", handlers, ["submit"], ["request", "conn"]);
    return later.parts.server(handlers);
  },
  broadcast: (args, maxFrameBytes) => later.parts.broadcast(args, maxFrameBytes),
  client: (connection, side) => later.parts.client(connection, side),
  session: (setup) => later.parts.session(setup),
  calls: (endpoint) => ({
    submit: (payload, options) => endpoint().submit(payload, options),
    request: (payload, options) => endpoint().request(payload, options),
    ping: (options) => endpoint().ping(options),
    onPush: (handler) => endpoint().onPush(handler),
    onGoAway: (listener) => endpoint().onGoAway(listener),
    features: () => endpoint().features(),
  }),
  besides: (calls, closed) => later.parts.besides(calls, closed),
};
