/**
 * The service of orders, which asks the services of prices.
 *
 *   deno run -A examples/services/orders.ts [port] [url of prices, another one, …]
 */
import process from "node:process";
import { connect, serve } from "framewire";
import { orders, prices } from "./protocol.ts";

const [port = "4410", ...given] = process.argv.slice(2);
const servers = given.length > 0 ? given : ["tcp://127.0.0.1:4400", "tcp://127.0.0.1:4401"];

/** So much of a caller's time is left for the way back, in milliseconds. */
const WAY_BACK_MS = 50;
/** So many orders are remembered, so that one that comes again is the same one. */
const MOST_REMEMBERED = 10_000;

// A call goes to the better one of two instances chosen at random. `firstConnect`: the services may be
// started in any order.
const priceClient = await connect(servers, {
  protocol: prices,
  balancer: "p2c",
  firstConnect: "wait",
  connectTimeoutMs: 1000,
  backoffMaxMs: 1000,
});
priceClient.on("status", ({ server, error }) => {
  if (server !== undefined) console.log(`prices at ${server}: ${error?.message ?? "connected"}`);
});

interface Placed {
  readonly totalCents: number;
  readonly pricedBy: string;
}
const placed = new Map<string, Promise<Placed>>();

async function place(product: string, quantity: number, withinMs: number): Promise<Placed> {
  if (withinMs <= WAY_BACK_MS) throw new Error("there is no time left");
  const quote = await priceClient.call("quote", { product, quantity }, {
    timeoutMs: withinMs - WAY_BACK_MS,
    idempotent: true, // asked again elsewhere when an instance is lost, within this time
  });
  if (quote.packet === "unknownProduct") throw new Error(`there is no ${product}`);
  return { totalCents: quote.totalCents, pricedBy: quote.instance };
}

const server = await serve({ port: Number(port), protocol: orders }, {
  place({ order, product, quantity, withinMs }) {
    const before = placed.get(order);
    if (before !== undefined) return before; // the same order again: the same answer
    const placing = place(product, quantity, withinMs);
    placed.set(order, placing);
    placing.catch(() => placed.delete(order));
    if (placed.size > MOST_REMEMBERED) placed.delete(placed.keys().next().value!);
    return placing;
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);

process.once("SIGTERM", async () => {
  await server.shutdown();
  await priceClient.close();
});
