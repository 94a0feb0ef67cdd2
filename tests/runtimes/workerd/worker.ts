/** The Worker of workerd_test.ts: a server, and a client when it is asked for one. */

import { connect, edge, type EdgeWorker } from "../../../src/entry/workerd.ts";

const worker = edge({
  submit(packet) {
    if (packet.text() === "fail") throw new Error("as asked");
  },
});

const gateway: EdgeWorker = {
  ...worker,
  async fetch(request: Request, env: unknown, context: unknown): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/call") return await worker.fetch(request, env, context);
    try {
      const client = await connect(searchParams.get("to")!);
      await Promise.all(Array.from({ length: 50 }, (_, i) => client.submit(`from the edge ${i}`)));
      await client.close();
      return new Response("50 submits");
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      return new Response(`${code}: ${message}`, { status: 500 });
    }
  },
};

export default gateway;
