/**
 * What servers and clients of the `submit` protocol are made of, loaded by the first of them.
 *
 * @module
 */
import { copyOf } from "../../codec/copy_of.ts";
import type { Connection } from "../../connection/connection.ts";
import { type Broadcast, sharedPush } from "../broadcast.ts";
import type { SessionOf, SessionSetup } from "../client_session.ts";
import { type ClientEndpoint, type ClientSide, type ServerSide, tooLarge } from "../protocol.ts";
import type { SubmitCalls } from "./client/calls.ts";
import { ClientSession } from "./client/client_session.ts";
import { SUBMIT_HEADER_BYTES } from "./commands.ts";
import { Greeter } from "./server/greeter.ts";
import type { SubmitHandlers } from "./server/handlers.ts";
import { HelloClientEndpoint } from "./client/hello_client.ts";
import { PlainClientEndpoint } from "./client/plain_client.ts";
import { type PushCalls, PushInbox } from "./client/push_inbox.ts";
import { shareBodies } from "./server/push_out.ts";
import { SubmitServerEndpoint } from "./server/server.ts";

/** {@inheritDoc Protocol.server} */
export function server(
  handlers: SubmitHandlers,
): (connection: Connection, side: ServerSide) => SubmitServerEndpoint | Greeter {
  return (connection, side) =>
    side.options.authenticate === undefined
      ? new SubmitServerEndpoint(connection, side, handlers)
      : new Greeter(connection, side, handlers);
}

/** {@inheritDoc Protocol.broadcast} */
export function broadcast(
  [payload, ...rest]: readonly unknown[],
  maxFrameBytes: number,
): Broadcast {
  const given = payload as Uint8Array | string;
  const bytes = typeof given === "string" ? new TextEncoder().encode(given) : copyOf(given);
  const total = SUBMIT_HEADER_BYTES + bytes.length;
  if (total > maxFrameBytes) throw tooLarge(total, maxFrameBytes);
  const broadcast = sharedPush(bytes, rest);
  shareBodies(broadcast.push);
  return broadcast;
}

/** {@inheritDoc ClientProtocol.client} */
export function client(
  connection: Connection,
  side: ClientSide,
): ClientEndpoint & SubmitCalls {
  return side.options.hello === "off"
    ? new PlainClientEndpoint(connection, side)
    : new HelloClientEndpoint(connection, side);
}

/** {@inheritDoc Protocol.session} */
export function session(
  { bufferBytes, window, maxFrameBytes, ...config }: SessionSetup,
): SessionOf<SubmitCalls> {
  const session = new ClientSession({ ...config, bounds: { bufferBytes, window, maxFrameBytes } });
  return {
    session,
    calls: session,
    client: (connection, side) => new HelloClientEndpoint(connection, side, session),
  };
}

/** {@inheritDoc Protocol.besides} */
export function besides(
  calls: SubmitCalls,
  closed: Promise<unknown>,
): Pick<SubmitCalls, "onPush"> & PushCalls {
  const inbox = new PushInbox((handler) => calls.onPush(handler), closed);
  return {
    onPush: (handler: (payload: Uint8Array) => unknown) => inbox.onPush(handler),
    pushes: () => inbox.pushes(),
  };
}
