/**
 * The control on Deno: `Deno.listen` and a read loop, no library. What our server costs beside it
 * is ours; the rest is the runtime's.
 *
 *   deno run -A bench/server/control_deno.mjs [sync|echo]
 *
 * @module
 */
import { answerSubmits, echoPackets, joined } from "./control_answers.mjs";

const answer = Deno.args[0] === "echo" ? echoPackets : answerSubmits;

async function talk(conn) {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(1 << 15);
  const out = new Uint8Array(1 << 16);
  let rest;
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      const bytes = joined(rest, buffer.subarray(0, n));
      const { used, written } = answer(bytes, out);
      rest = used < bytes.length ? bytes.slice(used) : undefined;
      for (let sent = 0; sent < written;) sent += await conn.write(out.subarray(sent, written));
    }
  } catch {
    // The load generator resets its connections when it is done.
  }
  conn.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
for await (const conn of listener) talk(conn);
