/**
 * An MQTT 3.1.1 broker of QoS 0 with retained messages and wills. Messages published with QoS 1 are
 * acknowledged and passed on with QoS 0; keep-alive is left to TCP.
 *
 *   deno run -A examples/mqtt/broker.ts [port]
 *   mosquitto_sub -p 1883 -t 'house/+/temperature' -v
 *   mosquitto_pub -p 1883 -t house/kitchen/temperature -m 21
 */
import process from "node:process";
import { type ConnOf, serve } from "framewire";
import { isFilter, matches, mqtt } from "./protocol.ts";

type Conn = ConnOf<typeof mqtt>;

const [port = "1883"] = process.argv.slice(2);

/** What CONNECT is answered with (3.2.2.3). */
const Code = { accepted: 0, unacceptableLevel: 1, identifierRejected: 2 } as const;
/** What SUBSCRIBE is answered with (3.9.3). */
const Granted = { qos0: 0, failure: 0x80 } as const;

/** A subscriber that is this far behind misses messages: QoS 0 promises nothing more. */
const MOST_QUEUED_BYTES = 1 << 20;

interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

interface Session {
  readonly clientId: string;
  readonly filters: Set<string>;
  /** What is published when the connection ends without DISCONNECT. */
  will: Message | undefined;
}

const sessions = new Map<Conn, Session>();
const retained = new Map<string, Uint8Array>();

/** The session of a connection; one that has not said CONNECT is closed (3.1). */
function sessionOf(conn: Conn): Session | undefined {
  const session = sessions.get(conn);
  if (session === undefined) conn.close("CONNECT comes first");
  return session;
}

function publish({ topic, payload, retain }: Message): void {
  if (retain && payload.length > 0) retained.set(topic, payload.slice());
  else if (retain) retained.delete(topic);
  for (const [conn, { filters }] of sessions) {
    if (!conn.open || conn.queuedBytes > MOST_QUEUED_BYTES) continue;
    for (const filter of filters) {
      if (!matches(filter, topic)) continue;
      conn.send("publish", { topic, payload });
      break;
    }
  }
}

function sendRetained(conn: Conn, filter: string): void {
  for (const [topic, payload] of retained) {
    if (!conn.open) return;
    if (matches(filter, topic)) conn.send("publish", { topic, payload, header: { retain: 1 } });
  }
}

const server = await serve({
  port: Number(port),
  protocol: mqtt,
  on: {
    disconnect(conn) {
      const will = sessions.get(conn)?.will;
      sessions.delete(conn);
      if (will !== undefined) publish(will);
    },
    error: (error) => console.error(`${error.code} ${error.message}`),
  },
}, {
  connect(packet, conn) {
    const refuse = (code: number) => {
      conn.close(`refused with code ${code}`);
      return { sessionPresent: 0, code };
    };
    const { clientId } = packet;
    if (packet.protocolName !== "MQTT" || packet.level !== 4) return refuse(Code.unacceptableLevel);
    if (clientId === "" && packet.cleanSession === 0) return refuse(Code.identifierRejected);
    for (const [other, session] of sessions) {
      // A second CONNECT is against the protocol; a second client of one name takes over (3.1.4).
      if (other === conn || clientId !== "" && session.clientId === clientId) {
        other.close("replaced");
      }
    }
    const { willTopic, willMessage } = packet;
    const will = willTopic === undefined || willMessage === undefined ? undefined : {
      topic: willTopic,
      payload: willMessage.slice(),
      retain: packet.willRetain === 1,
    };
    sessions.set(conn, { clientId, filters: new Set(), will });
    return { sessionPresent: 0, code: Code.accepted };
  },

  publish(packet, conn) {
    if (sessionOf(conn) === undefined) return;
    const { topic, payload, packetId, header } = packet;
    if (/[+#\0]/.test(topic) || topic === "") return conn.close("no topic to publish to");
    if (header.qos > 1) return conn.close("QoS 2 is not supported");
    if (packetId !== undefined) conn.send("puback", { packetId });
    publish({ topic, payload, retain: header.retain === 1 });
  },

  subscribe({ packetId, topics }, conn) {
    const session = sessionOf(conn);
    const codes: number[] = [];
    for (const { filter } of topics) {
      if (session === undefined || !isFilter(filter)) {
        codes.push(Granted.failure);
        continue;
      }
      session.filters.add(filter);
      codes.push(Granted.qos0);
      queueMicrotask(() => sendRetained(conn, filter)); // behind the SUBACK
    }
    return { packetId, codes };
  },

  unsubscribe({ packetId, filters }, conn) {
    for (const filter of filters) sessionOf(conn)?.filters.delete(filter);
    return { packetId };
  },

  disconnect(_packet, conn) {
    const session = sessions.get(conn);
    if (session !== undefined) session.will = undefined;
    conn.close("DISCONNECT");
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
