/**
 * What the services say to each other. Both sides of each import it, and cannot misunderstand each
 * other: a field that one side leaves out does not compile.
 */
import { defineProtocol, lengthField, restText, string, u16, u32, u8 } from "framewire/protocol";

const framing = lengthField({ size: 4, counts: "frame", maxFrameBytes: 16 * 1024 });
const header = { length: u32, type: u8, id: u32 };
/** Answers a request that failed; at the caller it is an error with this reason. */
const refused = {
  kind: 0xff,
  from: "server",
  answersAny: true,
  body: { reason: restText() },
} as const;
const failure = (_request: string, error: unknown) => ({
  packet: "refused",
  body: { reason: error instanceof Error ? error.message : "it failed" },
});

/** Prices: asking twice does no harm. */
export const prices = defineProtocol({
  name: "prices",
  framing,
  header,
  kind: "type",
  correlate: "id",
  failure,
  packets: {
    quote: {
      kind: 1,
      from: "client",
      reply: ["quoted", "unknownProduct"],
      body: { product: string(u8), quantity: u16 },
    },
    quoted: { kind: 2, from: "server", body: { totalCents: u32, instance: string(u8) } },
    unknownProduct: { kind: 3, from: "server" },
    refused,
  },
});

/** Orders: placing one twice would do harm, so each has a number that the customer chooses. */
export const orders = defineProtocol({
  name: "orders",
  framing,
  header,
  kind: "type",
  correlate: "id",
  failure,
  packets: {
    // `withinMs` is how long the caller waits for the answer: whoever is called on the way waits less.
    place: {
      kind: 1,
      from: "client",
      reply: "placed",
      body: { order: string(u8), product: string(u8), quantity: u16, withinMs: u16 },
    },
    placed: { kind: 2, from: "server", body: { totalCents: u32, pricedBy: string(u8) } },
    refused,
  },
});
