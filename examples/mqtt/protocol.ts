/**
 * MQTT 3.1.1 without QoS 2. Every packet begins with a byte of type and flags and a length of one to
 * four bytes; what follows depends on both. Section numbers are those of the OASIS standard.
 */
import {
  array,
  bits,
  bytes,
  defineProtocol,
  record,
  rest,
  string,
  u16,
  u8,
  varint,
  when,
} from "framewire/protocol";

const text = string(u16);

/** The flags of CONNECT (3.1.2.3): which fields follow in its payload (3.1.3). */
const connectFlags = {
  hasUsername: bits(1),
  hasPassword: bits(1),
  willRetain: bits(1),
  willQos: bits(2),
  hasWill: bits(1),
  cleanSession: bits(1),
  reserved: bits(1),
};
const ifWill = (before: { readonly hasWill: number }) => before.hasWill === 1;
const ifUsername = (before: { readonly hasUsername: number }) => before.hasUsername === 1;
const ifPassword = (before: { readonly hasPassword: number }) => before.hasPassword === 1;
const ifAnswered = (before: { readonly header: { readonly qos: number } }) => before.header.qos > 0;

export const mqtt = defineProtocol({
  name: "mqtt",
  framing: varint({ offset: 1, maxBytes: 4, maxFrameBytes: 256 * 1024 }),
  header: { type: bits(4), dup: bits(1), qos: bits(2), retain: bits(1) },
  kind: "type",
  packets: {
    connect: {
      kind: 1,
      from: "client",
      reply: "connack",
      body: {
        protocolName: text,
        level: u8,
        ...connectFlags,
        keepAliveS: u16,
        clientId: text,
        willTopic: when(ifWill, text),
        willMessage: when(ifWill, bytes(u16)),
        username: when(ifUsername, text),
        password: when(ifPassword, bytes(u16)),
      },
    },
    connack: { kind: 2, from: "server", body: { sessionPresent: u8, code: u8 } },
    publish: {
      kind: 3,
      body: { topic: text, packetId: when(ifAnswered, u16), payload: rest() },
    },
    puback: { kind: 4, body: { packetId: u16 } },
    subscribe: {
      kind: 8,
      header: { qos: 1 }, // the bits that 3.8.1 wants there
      from: "client",
      reply: "suback",
      body: { packetId: u16, topics: array("rest", record({ filter: text, qos: u8 })) },
    },
    suback: { kind: 9, from: "server", body: { packetId: u16, codes: array("rest", u8) } },
    unsubscribe: {
      kind: 10,
      header: { qos: 1 },
      from: "client",
      reply: "unsuback",
      body: { packetId: u16, filters: array("rest", text) },
    },
    unsuback: { kind: 11, from: "server", body: { packetId: u16 } },
    pingreq: { kind: 12, from: "client", reply: "pingresp" },
    pingresp: { kind: 13, from: "server" },
    disconnect: { kind: 14, from: "client" },
  },
});

/** Whether a topic matches a filter with `+` for one level and `#` for all that follow (4.7). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  // Wildcards at the beginning leave out the server's own topics (4.7.2).
  if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || level !== "+" && level !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

/** Whether a filter has its wildcards in allowed places (4.7.1). */
export function isFilter(filter: string): boolean {
  const levels = filter.split("/");
  return filter !== "" &&
    levels.every((level, i) =>
      level === "+" || level === "#" && i === levels.length - 1 || !/[+#\0]/.test(level)
    );
}
