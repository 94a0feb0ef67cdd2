/**
 * The devices' own protocol: short frames that end in a CRC-32C, numbered so that both sides may ask.
 */
import {
  array,
  bool,
  bytes,
  defineProtocol,
  enumeration,
  i32,
  lengthField,
  padded,
  record,
  u16,
  u32,
  u8,
  union,
} from "framewire/protocol";

export const deviceProtocol = defineProtocol({
  name: "devices",
  framing: lengthField({ size: 2, counts: "frame", maxFrameBytes: 2048 }),
  header: { length: u16, type: u8, sequence: u16 },
  kind: "type",
  correlate: "sequence",
  checksum: "crc32c",
  heartbeat: "ping",
  packets: {
    login: {
      kind: 1,
      from: "client",
      reply: ["accepted", "rejected"],
      body: { serial: padded(12), key: bytes(16) },
    },
    accepted: { kind: 2, from: "server", body: { reportEverySeconds: u16 } },
    rejected: {
      kind: 3,
      from: "server",
      body: { reason: enumeration(u8, { unknownDevice: 1, wrongKey: 2 }) },
    },

    // Values are in thousandths; `at` is in seconds since 1970: what was measured offline comes later.
    telemetry: {
      kind: 4,
      from: "client",
      reply: "noted",
      body: { at: u32, readings: array(u8, record({ channel: u8, value: i32 })) },
    },
    noted: { kind: 5, from: "server" },

    // A command that comes twice has the same number: the device carries it out once.
    command: {
      kind: 6,
      from: "server",
      reply: ["done", "failed"],
      body: {
        number: u32,
        action: union(u8, {
          switch: [1, { channel: u8, on: bool }],
          reportEvery: [2, { seconds: u16 }],
        }),
      },
    },
    done: { kind: 7, from: "client" },
    failed: {
      kind: 8,
      from: "client",
      body: { reason: enumeration(u8, { noSuchChannel: 1, outOfRange: 2 }) },
    },

    // What answers a packet that comes too early, or that a side fails over.
    refused: { kind: 11, answersAny: true },

    ping: { kind: 9, from: "server", reply: "pong" },
    pong: { kind: 10, from: "client" },
  },
  failure: () => ({ packet: "refused" }),
});

/** What a device can be told to do. */
export type Action =
  | { readonly type: "switch"; readonly channel: number; readonly on: boolean }
  | { readonly type: "reportEvery"; readonly seconds: number };

/** One measurement. */
export interface Reading {
  readonly channel: number;
  readonly value: number;
}
