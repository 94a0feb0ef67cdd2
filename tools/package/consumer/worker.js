// A Worker: a server, and at /call a gateway to another one, by a protocol that both define.

// Both lead to one module: the condition "workerd" comes first in the package.
import { connect } from "framewire";
import { edge } from "framewire/workerd";
import { counter } from "./counter.js";

const server = edge({
  submit(packet) {
    if (!packet.text().startsWith("hello")) throw new Error(`unexpected: ${packet.text()}`);
  },
});

export default {
  ...server,
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/call") return await server.fetch(request, env, context);
    const client = await connect(searchParams.get("to"), { protocol: counter });
    const { total } = await client.call("add", { amount: 2 });
    await client.close();
    return new Response(`the sum is ${total}`);
  },
};
