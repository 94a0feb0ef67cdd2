/**
 * A shop that places orders until its standard input ends, some of them at once.
 *
 *   deno run -A examples/services/shop.ts [url of orders]
 */
import process from "node:process";
import { connect, isFramewireError } from "framewire";
import { orders } from "./protocol.ts";

const [url = "tcp://127.0.0.1:4410"] = process.argv.slice(2);
const AT_ONCE = 20;
const WITHIN_MS = 5000;

const client = await connect(url, { protocol: orders });

const pricedBy = new Map<string, number>();
let [number, placed, failed] = [0, 0, 0];
let isOpen = true;
process.stdin.on("end", () => isOpen = false).resume();

async function order(): Promise<void> {
  const products = ["tea", "coffee", "cake"];
  while (isOpen) {
    const fields = {
      order: `${process.pid}-${++number}`,
      product: products[number % products.length]!,
      quantity: 1 + number % 5,
      withinMs: WITHIN_MS,
    };
    try {
      // The number makes it safe to place an order again.
      const answer = await client.call("place", fields, { timeoutMs: WITHIN_MS, idempotent: true });
      placed++;
      pricedBy.set(answer.pricedBy, (pricedBy.get(answer.pricedBy) ?? 0) + 1);
      if (placed % 100 === 0) console.log(`${placed} placed, ${failed} failed`);
    } catch (error) {
      if (!isFramewireError(error)) throw error;
      failed++;
      console.error(
        `${error.code} (${error.outcome}): ${error.reply?.["reason"] ?? error.message}`,
      );
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, order));
for (const [instance, count] of pricedBy) console.log(`${count} orders: ${instance}`);
console.log(`in the end ${placed} placed, ${failed} failed`);
await client.close();
