/** A whole program for `deno serve`, started by `edge_test.ts`. */

import { type Edge, edge } from "../../src/entry/deno.ts";

const program: Edge = edge({
  submit(packet) {
    if (packet.text() === "fail") throw new Error("as asked");
  },
});

export default program;
