/**
 * What chat clients and the server say to each other, over whichever link: server, terminal and page
 * share this file.
 */
import {
  array,
  defineProtocol,
  lengthField,
  record,
  string,
  u16,
  u32,
  u8,
} from "framewire/protocol";

/** `number` counts the messages of the server's life from 1; `at` is in seconds since 1970. */
const message = { number: u32, at: u32, name: string(u8), text: string(u16) };
const people = array(u16, string(u8));

export const chat = defineProtocol({
  name: "web-chat",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 64 * 1024 }),
  header: { length: u32, type: u8, id: u16 },
  kind: "type",
  correlate: "id",
  heartbeat: "ping",
  packets: {
    // Who comes back says which message was the last, and is told what was said meanwhile.
    join: {
      kind: 1,
      from: "client",
      reply: ["welcome", "refused"],
      body: { name: string(u8), after: u32 },
    },
    welcome: { kind: 2, from: "server", body: { people, missed: array(u16, record(message)) } },
    refused: { kind: 3, from: "server", body: { reason: string(u8) } },
    say: { kind: 4, from: "client", reply: ["said", "refused"], body: { text: string(u16) } },
    said: { kind: 5, from: "server" },
    message: { kind: 6, from: "server", body: message },
    people: { kind: 7, from: "server", body: { people } },
    ping: { kind: 8, from: "server", reply: "pong" },
    pong: { kind: 9, from: "client" },
  },
});

/** A message, as clients show it. */
export interface Message {
  readonly number: number;
  readonly at: number;
  readonly name: string;
  readonly text: string;
}

/** The longest message, in characters. */
export const MOST_CHARACTERS = 2000;
