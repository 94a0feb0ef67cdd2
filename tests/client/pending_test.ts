/** What becomes of a client's calls: each is answered, or fails with one clear error. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import type { CloseReason } from "../../src/connection/connection.ts";
import {
  ack,
  CONN,
  echoFrame,
  frame,
  join,
  randomBytes,
  submit,
  SUBMIT_ACK,
  submits,
  toHex,
} from "../helpers/frames.ts";
import { listen, type Peer } from "../helpers/peer.ts";
import { connect, turns } from "../helpers/runtime.ts";
import { optionsOf, type Setting, settings } from "../helpers/settings.ts";

type Test = { teardown(fn: () => Promise<unknown>): unknown };

/** A submit client and the server it talks to, played by hand. */
async function pair(t: Test, setting: Setting, options = {}) {
  const server = await listen(setting.transport);
  t.teardown(() => server.close());
  const url = `tcp://127.0.0.1:${server.port}`;
  const client = await connect(url, { lingerMs: 200, ...optionsOf(setting), ...options });
  return { client, peer: await server.next() };
}

/** How promises settled: "ok", or the error's code. */
async function outcomes(promises: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === "fulfilled") return "ok";
    return isFramewireError(one.reason) ? one.reason.code : `not ours: ${one.reason}`;
  });
}

/** What a server may send that ends the connection: what it is, the code it fails calls with. */
const BROKEN: readonly [name: string, bytes: Uint8Array, code: string][] = [
  ["an id that nobody waits for", ack(77), "UNEXPECTED_PACKET"],
  ["id 00000000", ack(0), "UNEXPECTED_PACKET"],
  ["an id beyond the last one sent", ack(5), "UNEXPECTED_PACKET"],
  ["an id that is no number", ack("0000000x"), "UNEXPECTED_PACKET"],
  ["a negative id", ack("-0000001"), "UNEXPECTED_PACKET"],
  ["an acknowledgement without a result", frame(SUBMIT_ACK, 2), "UNEXPECTED_PACKET"],
  ["an acknowledgement with two results", frame(SUBMIT_ACK, 2, "\0\0"), "UNEXPECTED_PACKET"],
  ["a request", submit(2), "UNEXPECTED_PACKET"],
  ["a Conn", frame(CONN, 2), "UNEXPECTED_PACKET"],
  ["a command that nobody knows", frame(0xf1, 2), "UNKNOWN_PACKET"],
  ["a total of 12", frame(SUBMIT_ACK, 2, "", 12), "LENGTH_UNDERFLOW"],
  ["a total over the limit", frame(SUBMIT_ACK, 2, "", 2 ** 31), "FRAME_TOO_LARGE"],
  ["HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), "FRAME_TOO_LARGE"],
  ["random bytes", randomBytes(3, 1000), "FRAME_TOO_LARGE"],
];

for (const setting of settings()) {
  t.test(`acknowledgements are matched by id, in any order and any pieces (${setting.name})`, async (t) => {
    const { client, peer } = await pair(t, setting);
    const count = 300;
    const answers = Array.from({ length: count }, (_, i) => client.submit(String(i)));
    t.equal(client.pending, count);
    await peer.read(submits(9).length); // they leave
    const order = Array.from({ length: count }, (_, i) => 1 + (i * 7) % count);
    const stream = join(...order.map((id) => ack(id, id % 5 === 0 ? 1 + id % 9 : 0)));
    for (let at = 0; at < stream.length; at += 37) peer.write(stream.subarray(at, at + 37));
    const settled = await outcomes(answers);
    t.ok(settled.every((one, i) => one === ((i + 1) % 5 === 0 ? "RESULT_FAILED" : "ok")));
    t.equal(client.pending, 0);
    await answers[14]!.catch((error) => {
      t.match(error, { code: "RESULT_FAILED", result: 7, message: /00000015.*result 7/ });
    });
    t.equal(client.open, true);
    peer.end();
    await client.closed;
  });

  for (const [name, bytes, code] of BROKEN) {
    t.test(`the server sends ${name}: what waits fails with ${code} (${setting.name})`, async (t) => {
      const { client, peer } = await pair(t, setting);
      const answers = [1, 2, 3].map((n) => client.submit(String(n)));
      await peer.read(42);
      peer.write(join(ack(1), bytes));
      t.strictSame(await outcomes(answers), ["ok", code, code]);
      const reasons = await Promise.allSettled(answers);
      const [, second, third] = reasons as PromiseRejectedResult[];
      t.equal(second!.reason, third!.reason, "with one error");
      t.match(second!.reason.message, /the connection is closed with 2 unanswered: /);
      t.equal(client.open, false);
      t.equal(client.pending, 0);
      await t.rejects(client.submit("more"), { code });
      await peer.ended;
      peer.end();
      const reason = await client.closed;
      t.equal(reason.code, code);
      await client.close();
    });
  }

  t.test(`an acknowledgement that comes twice ends the connection (${setting.name})`, async (t) => {
    const { client, peer } = await pair(t, setting);
    const answers = [1, 2, 3, 4].map((n) => client.submit(String(n)));
    await peer.read(56);
    peer.write(join(ack(1), ack(3), ack(3), ack(2), ack(4)));
    t.strictSame(await outcomes(answers), [
      "ok",
      "UNEXPECTED_PACKET",
      "ok",
      "UNEXPECTED_PACKET",
    ]);
    peer.end();
    t.equal((await client.closed).code, "UNEXPECTED_PACKET");
  });

  const ends: [name: string, end: (peer: Peer) => void, code: string][] = [
    ["ends", (peer) => peer.end(), "CONNECTION_CLOSED"],
    ["ends inside a frame", (peer) => {
      peer.write(ack(2).subarray(0, 9));
      peer.end();
    }, "TRUNCATED"],
    ["resets", (peer) => peer.reset(), "CONNECTION_RESET"],
  ];
  for (const [name, end, code] of ends) {
    t.test(`the server ${name}: what waits fails with ${code} (${setting.name})`, async (t) => {
      const { client, peer } = await pair(t, setting);
      const answers = [1, 2, 3].map((n) => client.submit(String(n)));
      await peer.read(42);
      peer.write(ack(1));
      await answers[0];
      end(peer);
      t.strictSame(await outcomes(answers), ["ok", code, code]);
      peer.end();
      const reason: CloseReason = await client.closed;
      t.equal(reason.code, code === "CONNECTION_CLOSED" ? "PEER_ENDED" : code);
      t.equal(client.open, false);
      await t.rejects(client.submit("more"), { code });
      await client.close();
    });
  }

  t.test(`payloads are copied at once; what is too large is refused before it is sent (${setting.name})`, async (t) => {
    const { client, peer } = await pair(t, setting, { maxFrameBytes: 64 });
    const bytes = new Uint8Array(51).fill(1);
    const first = client.submit(bytes);
    bytes.fill(2);
    await t.rejects(client.submit(new Uint8Array(52)), {
      code: "FRAME_TOO_LARGE",
      declaredBytes: 65,
      limitBytes: 64,
    });
    await t.rejects(client.submit("ü".repeat(26)), { code: "FRAME_TOO_LARGE", declaredBytes: 65 });
    const second = client.submit("ü".repeat(25));
    const third = client.submit("x".repeat(51));
    const sent = await peer.read(64 + 63 + 64);
    t.equal(
      toHex(sent),
      toHex(join(
        submit(1, new Uint8Array(51).fill(1)),
        submit(2, "ü".repeat(25)),
        submit(3, "x".repeat(51)),
      )),
    );
    peer.write(join(ack(1), ack(2), ack(3)));
    await Promise.all([first, second, third]);
    await client.submit("z".repeat(20_000)).catch(() => t.pass());
    peer.end();
    await client.closed;
    t.equal(peer.receivedBytes, 191, "nothing of what was refused");
  });

  t.test(`echoes are matched by their order, and fail as submits do (${setting.name})`, async (t) => {
    const cases: [name: string, bytes: Uint8Array, code: string][] = [
      ["a DATA_SEND", echoFrame(1, "b"), "UNEXPECTED_PACKET"],
      ["a type that nobody knows", echoFrame(9, "b"), "UNKNOWN_PACKET"],
      ["an echo too many", join(...Array(3).fill(echoFrame(2, "b"))), "UNEXPECTED_PACKET"],
    ];
    for (const [name, bytes, code] of cases) {
      const server = await listen(setting.transport);
      const url = `tcp://127.0.0.1:${server.port}`;
      const client = await connect(url, { protocol: "echo", lingerMs: 200, ...optionsOf(setting) });
      const peer = await server.next();
      const answers = ["a", "b", "c"].map((text) => client.echo(text));
      await peer.read(27);
      peer.write(join(echoFrame(2, "A"), bytes));
      const first = await answers[0];
      t.equal(toHex(first!), "41");
      const settled = await outcomes(answers);
      t.strictSame(settled, name === "an echo too many" ? ["ok", "ok", "ok"] : ["ok", code, code]);
      peer.end();
      t.equal((await client.closed).code, code, name);
      await t.rejects(client.echo("d"), { code });
      await server.close();
    }
  });

  t.test(`calls made in one turn leave in one piece (${setting.name})`, async (t) => {
    const { client, peer } = await pair(t, setting);
    const answers = Array.from({ length: 50 }, () => client.submit("x"));
    await peer.read(50 * 14);
    t.equal(peer.pieces, 1);
    peer.write(join(...answers.map((_, i) => ack(i + 1))));
    await Promise.all(answers);
    await turns();
    peer.end();
    await client.closed;
  });
}
