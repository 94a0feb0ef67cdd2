/**
 * The `submit` protocol: requests with an 8-byte id, acknowledged by a result byte.
 *
 * @module
 */
import { copyOf } from "../../codec/copy_of.ts";
import { sharedPush } from "../broadcast.ts";
import { checkHandlers, type Protocol, tooLarge } from "../protocol.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../defined/layouts.ts";
import type { SubmitCalls } from "./calls.ts";
import { ClientSession } from "./client_session.ts";
import { HelloClientEndpoint } from "./hello_client.ts";
import { Greeter } from "./greeter.ts";
import type { SubmitHandlers } from "./handlers.ts";
import { SUBMIT_HEADER_BYTES } from "./commands.ts";
import { PlainClientEndpoint } from "./plain_client.ts";
import { PushInbox } from "./push_inbox.ts";
import { shareBodies } from "./push_out.ts";
import { SubmitServerEndpoint } from "./server.ts";

/** The `submit` protocol (docs/PROTOCOL.md, section 1). */
export const submit: Protocol<SubmitHandlers, SubmitCalls> = {
  name: "submit",
  framing: SUBMIT_FRAMING,
  kind: SUBMIT_KIND,
  id: { offset: 5, bytes: 8 },
  server(handlers) {
    checkHandlers("submit", handlers, ["submit"], ["request", "conn"]);
    return (connection, side) =>
      side.options.authenticate === undefined
        ? new SubmitServerEndpoint(connection, side, handlers)
        : new Greeter(connection, side, handlers);
  },
  broadcast([payload, ...rest], maxFrameBytes) {
    const given = payload as Uint8Array | string;
    const bytes = typeof given === "string" ? new TextEncoder().encode(given) : copyOf(given);
    const total = SUBMIT_HEADER_BYTES + bytes.length;
    if (total > maxFrameBytes) throw tooLarge(total, maxFrameBytes);
    const broadcast = sharedPush(bytes, rest);
    shareBodies(broadcast.push);
    return broadcast;
  },
  client: (connection, side) =>
    side.options.hello === "off"
      ? new PlainClientEndpoint(connection, side)
      : new HelloClientEndpoint(connection, side),
  session({ bufferBytes, window, maxFrameBytes, ...config }) {
    const session = new ClientSession({
      ...config,
      bounds: { bufferBytes, window, maxFrameBytes },
    });
    return {
      session,
      calls: session,
      client: (connection, side) => new HelloClientEndpoint(connection, side, session),
    };
  },
  calls: (endpoint) => ({
    submit: (payload, options) => endpoint().submit(payload, options),
    request: (payload, options) => endpoint().request(payload, options),
    ping: (options) => endpoint().ping(options),
    onPush: (handler) => endpoint().onPush(handler),
    onGoAway: (listener) => endpoint().onGoAway(listener),
    features: () => endpoint().features(),
  }),
  besides(calls, closed) {
    const inbox = new PushInbox((handler) => calls.onPush(handler), closed);
    return {
      onPush: (handler: (payload: Uint8Array) => unknown) => inbox.onPush(handler),
      pushes: () => inbox.pushes(),
    };
  },
};
