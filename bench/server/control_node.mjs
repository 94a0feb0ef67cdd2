/**
 * The control on Node: `node:net` with a "data" listener, no library. What our server costs beside
 * it is ours; the rest is the runtime's.
 *
 *   node bench/server/control_node.mjs [sync|echo]
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import { argv } from "node:process";
import { answerSubmits, echoPackets, joined } from "./control_answers.mjs";

const answer = argv[2] === "echo" ? echoPackets : answerSubmits;

/** Every connection writes here in turn; a chunk is at most 64 KiB, so its answers fit. */
const out = new Uint8Array(1 << 17);

const server = createServer({ noDelay: true }, (socket) => {
  let rest;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    const bytes = joined(rest, chunk);
    const { used, written } = answer(bytes, out);
    rest = used < bytes.length ? bytes.subarray(used) : undefined;
    // The socket may keep what it cannot send at once, so it gets a copy.
    if (written > 0) socket.write(Buffer.from(out.subarray(0, written)));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
