// A protocol that a Worker and its backend share.

import { defineProtocol, lengthField, u32 } from "framewire/protocol";

export const counter = defineProtocol({
  name: "counter",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
  header: { length: u32, kind: u32, sequence: u32 },
  kind: "kind",
  correlate: "sequence",
  packets: {
    add: { kind: 1, reply: "sum", body: { amount: u32 } },
    sum: { kind: 2, body: { total: u32 } },
  },
});
