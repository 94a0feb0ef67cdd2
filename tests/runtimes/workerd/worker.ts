/** The Worker of workerd_test.ts: a server, and a client when it is asked for one. */

import { sqliteStore } from "../../../src/entry/sqlite.ts";
import { capabilities, connect, edge, type EdgeWorker, zstd } from "../../../src/entry/workerd.ts";

const worker = edge({
  submit(packet) {
    if (packet.text() === "fail") throw new Error("as asked");
  },
});

/** What the Worker says it can do, and what becomes of what it cannot. */
function tell(): Response {
  const refusals: Record<string, string> = {};
  const attempts = { zstd: () => zstd(), sqlite: () => sqliteStore(":memory:").close() };
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      attempt();
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      refusals[name] = `${code} ${message}`;
    }
  }
  return Response.json({ capabilities: capabilities(), refusals });
}

const gateway: EdgeWorker = {
  ...worker,
  async fetch(request: Request, env: unknown, context: unknown): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/capabilities") return tell();
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
