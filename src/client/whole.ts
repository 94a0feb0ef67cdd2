/**
 * What the clients of `connect` are made of.
 *
 * @module
 */
import { codecsOf } from "../codec/lend.ts";
import { delayedOutbound } from "../connection/delayed_outbound.ts";
import { Connection, State } from "../connection/connection.ts";
import type { PlainConnection } from "../connection/plain_connection.ts";
import type { ClientParts } from "./client.ts";
import { callBook } from "../protocol/call_book.ts";
import { Pulse } from "./pulse.ts";

/** After a hello, a server that is silent is asked for a sign of life after this. */
const HEARTBEAT_MS = 15_000;

/** All there is. */
export const WHOLE: ClientParts = {
  connection: Connection as unknown as typeof PlainConnection,
  book: callBook,
  codecs: codecsOf,
  outbound: delayedOutbound,
  watch(connection, endpoint, options, clock, closed) {
    const { heartbeatMs = options.hello === "off" ? 0 : HEARTBEAT_MS, probeTimeoutMs } = options;
    if (heartbeatMs === 0 || endpoint.heartbeat === undefined) return;
    const pulse = new Pulse(connection, clock, { heartbeatMs, probeTimeoutMs });
    const start = () => connection.state === State.CLOSED || pulse.start();
    Promise.resolve(endpoint.ready).then(start, () => {});
    void closed.then(() => pulse.stop());
  },
};
