/**
 * The service of prices. Start as many as you like; SIGTERM ends one without a call that fails.
 *
 *   deno run -A examples/services/prices.ts [port]
 */
import process from "node:process";
import { serve } from "framewire";
import { prices } from "./protocol.ts";

const [port = "4400"] = process.argv.slice(2);

const centsOf: ReadonlyMap<string, number> = new Map([["tea", 350], ["coffee", 420], [
  "cake",
  510,
]]);

const server = await serve({ port: Number(port), protocol: prices }, {
  async quote({ product, quantity }) {
    const cents = centsOf.get(product);
    if (cents === undefined) return { packet: "unknownProduct" };
    await new Promise((resolve) => setTimeout(resolve, 5)); // what a database would take
    return { packet: "quoted", totalCents: cents * quantity, instance };
  },
});
const instance: string = `prices at ${server.addr.port}`;
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);

process.once("SIGTERM", async () => {
  // What was taken is answered; what was not, the callers make elsewhere.
  const { cut } = await server.shutdown({ deadlineMs: 10_000, reason: "a new version" });
  console.log(`drained after ${server.stats().requests} requests, ${cut.length} connections cut`);
});
