/** A client of a protocol of one's own, and of echo, that stays: what becomes of its calls when connections are lost. */

import t from "tap";
import { defineProtocol, lengthField, record, rest, u32, u8 } from "../../mod.ts";
import { join, toHex } from "../helpers/frames.ts";
import { connectAndStay as connect, turns } from "../helpers/runtime.ts";
import { ends, fate, pass, world } from "../helpers/staying.ts";

const asking = defineProtocol({
  name: "asking",
  framing: lengthField({ size: 4, counts: "frame" }),
  header: { length: u32, command: u8, id: u32 },
  kind: "command",
  correlate: "id",
  packets: {
    ask: {
      kind: 1,
      from: "client",
      reply: "answer",
      body: { of: record({ who: u8 }), text: rest() },
    },
    answer: { kind: 2, body: { result: u8 } },
    news: { kind: 3, from: "server", body: { number: u8 } },
    note: { kind: 4, from: "client", body: { number: u8 } },
  },
});
const HEADER_BYTES = 9;
const ASK_BYTES = HEADER_BYTES + 3;

/** A frame of `asking`. */
function frame(command: number, id: number, ...body: number[]): Uint8Array {
  return Uint8Array.of(0, 0, 0, HEADER_BYTES + body.length, command, 0, 0, 0, id, ...body);
}

t.test("calls wait, are made again, and say what is known, as they were when they were made", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, protocol: asking });
  ends(t, client, clock);
  const seen: number[] = [];
  client.handle({ news: ({ number }) => void seen.push(number) });
  const first = await peers[0]!.next();
  first.write(frame(3, 0, 7));
  const fields = { of: { who: 1 }, text: Uint8Array.of(65, 66) };
  const once = fate(client.call("ask", fields));
  const twice = fate(client.call("ask", fields, { idempotent: true }));
  fields.of.who = 9;
  fields.text[0] = 90;
  await first.read(2 * ASK_BYTES);
  first.reset();
  await turns();
  t.strictSame([once.now, twice.now], ["CONNECTION_RESET unknown", "waits"]);
  t.throws(() => client.send("note", { number: 1 }), { message: "no server is connected now" });
  const later = { of: { who: 2 }, text: Uint8Array.of(67, 68) };
  const waits = fate(client.call("ask", later));
  later.of.who = 9;
  later.text[0] = 90;
  const late = fate(client.call("ask", later, { timeoutMs: 1 }));
  await pass(clock, 2000);
  const second = await peers[0]!.next();
  const came = await second.read(2 * ASK_BYTES);
  const [a, b] = [came.slice(9, 12), came.slice(9 + ASK_BYTES)].map(toHex).sort();
  t.strictSame([a, b], ["014142", "024344"]);
  t.equal(late.now, "DEADLINE_EXCEEDED not-sent");
  const [id, next] = [came[8]!, came[8 + ASK_BYTES]!];
  second.write(join(frame(2, next, 0), frame(3, 0, 8), frame(2, id, 0)));
  await turns();
  t.strictSame([twice.now, waits.now], ["ok", "ok"]);
  t.strictSame(seen, [7, 8], "handlers hold for later connections");
  client.send("note", { number: 5 });
  t.equal(toHex((await second.read(2 * ASK_BYTES + 10)).slice(-1)), "05");
});

t.test("what had not left is made again with the fields of then", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, protocol: asking });
  ends(t, client, clock);
  const first = await peers[0]!.next();
  first.pause();
  const big = fate(client.call("ask", { of: { who: 0 }, text: new Uint8Array(200_000) }));
  await turns();
  const text = Uint8Array.of(65, 66);
  const call = fate(client.call("ask", { of: { who: 1 }, text }));
  await turns();
  text.fill(90);
  first.reset();
  await pass(clock, 2000);
  t.equal(big.now, "CONNECTION_RESET unknown");
  const second = await peers[0]!.next();
  t.equal(toHex((await second.read(ASK_BYTES)).slice(9)), "014142");
  second.write(frame(2, 1, 0));
  await turns();
  t.equal(call.now, "ok");
});

t.test("echoes are made again too, and keep in step with each connection", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, protocol: "echo" });
  ends(t, client, clock);
  const first = await peers[0]!.next();
  const data = Uint8Array.of(1, 2);
  const lost = fate(client.echo("once"));
  const back = client.echo(data, { idempotent: true });
  data[0] = 9;
  await first.read(12 + 10);
  first.reset();
  await pass(clock, 2000);
  t.equal(lost.now, "CONNECTION_RESET unknown");
  const second = await peers[0]!.next();
  t.equal(toHex(await second.read(10)), "00000001000000020102");
  second.write(Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 2, 1, 2));
  t.strictSame(await back, Uint8Array.of(1, 2));
});
