// A Worker: a server, and at /call a gateway to another one.

// Both lead to one module: the condition "workerd" comes first in the package.
import { connect } from "framewire";
import { edge } from "framewire/workerd";

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
    const client = await connect(searchParams.get("to"));
    await client.submit("hello from a Worker");
    await client.close();
    return new Response("ok");
  },
};
