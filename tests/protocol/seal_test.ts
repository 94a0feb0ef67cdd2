/**
 * Checksums and compressed bodies of defined protocols.
 *
 * @module
 */
import t from "tap";
import { crc32c } from "../../src/codec/mod.ts";
import { delimiter, lengthField, varint } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { bytes, rest, u16, u32, u8 } from "../../src/protocol/defined/fields/mod.ts";
import { connect, deferred, serve } from "../helpers/runtime.ts";

const sealed = defineProtocol({
  name: "sealed",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 100_000 }),
  header: { length: u32, kind: u8, id: u16 },
  kind: "kind",
  correlate: "id",
  checksum: "crc32c",
  compression: { algorithm: "lz4", bit: 0x40, minBytes: 100 },
  packets: {
    put: { kind: 1, reply: "kept", body: { data: rest() } },
    kept: { kind: 2, body: { data: rest() } },
  },
});

t.test("sealed packets round-trip, compressed where that makes them shorter", async (t) => {
  const transport = memoryNetwork({ pieceBytes: (count) => Math.ceil(count / 2) });
  const server = await serve({ port: 0, protocol: sealed, transport }, {
    async put({ data }) {
      await Promise.resolve();
      return { data };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: sealed, transport });
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 7919 + i) >> 3);
  for (
    const data of [new Uint8Array(0), new Uint8Array(99), new Uint8Array(90_000).fill(7), noise]
  ) {
    const before = server.stats().bytesIn;
    const reply = await client.call("put", { data });
    t.ok(reply.data.length === data.length && reply.data.every((byte, i) => byte === data[i]));
    const sent = server.stats().bytesIn - before;
    if (data.length === 90_000) t.ok(sent < 1000, `90,000 equal bytes took ${sent}`);
    if (data.length === 99) t.equal(sent, 7 + 99 + 4, "a short body is sent as it is");
  }
  await client.close();
  await server.shutdown();
});

t.test("a frame ends in the CRC-32C of all its bytes before, counted in its length", async (t) => {
  const seen = deferred<Uint8Array>();
  const transport = memoryNetwork();
  const listener = await transport.listen({ hostname: "x", port: 0, backlog: 1 }, {
    accepted: (link) =>
      link.start({
        data: (chunk) => (seen.resolve(chunk.slice()), false),
        ended: () => link.end(),
        written: () => {},
        closed: () => {},
      }),
    failed: () => {},
  });
  const client = await connect(`tcp://memory:${listener.address.port}`, {
    protocol: sealed,
    transport,
  });
  client.call("put", { data: new Uint8Array([9, 8, 7]) }).catch(() => {});
  const frame = await seen.promise;
  t.equal(frame.length, 14);
  t.equal(new DataView(frame.buffer).getUint32(0), 14);
  t.equal(new DataView(frame.buffer).getUint32(10), crc32c(frame.subarray(0, 10)));
  await client.close({ deadlineMs: 0 });
  await listener.close();
});

/** Sends one frame to a server of the sealed protocol; how its connection ended. */
async function endOf(frame: Uint8Array): Promise<string> {
  const transport = memoryNetwork();
  const ended = deferred<string>();
  const on = { disconnect: (_: unknown, info: { code: string }) => ended.resolve(info.code) };
  const server = await serve({ port: 0, protocol: sealed, transport, on }, {});
  const link = await transport.connect({ hostname: "memory", port: server.addr.port });
  link.start({ data: () => false, ended: () => link.end(), written() {}, closed() {} });
  link.write(frame);
  const code = await ended.promise;
  await server.shutdown();
  return code;
}

/** A frame with a right checksum. */
function frameOf(kind: number, body: readonly number[]): Uint8Array {
  const frame = new Uint8Array(7 + body.length + 4);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length);
  view.setUint8(4, kind);
  view.setUint16(5, 1);
  frame.set(body, 7);
  view.setUint32(frame.length - 4, crc32c(frame.subarray(0, frame.length - 4)));
  return frame;
}

t.test("a wrong checksum, a bomb and a malformed block end the connection", async (t) => {
  const broken = frameOf(1, [1, 2, 3]);
  broken[8]! ^= 1;
  t.equal(await endOf(broken), "CHECKSUM_MISMATCH");
  t.equal(await endOf(new Uint8Array([0, 0, 0, 7, 1, 0, 1])), "CHECKSUM_MISMATCH");
  t.equal(await endOf(frameOf(0x41, [1, 2, 3])), "DECOMPRESSION_FAILED");
  t.equal(await endOf(frameOf(0x41, [0, 0, 0, 9, 0xff, 0xff])), "DECOMPRESSION_FAILED");
  t.equal(await endOf(frameOf(0x41, [0x7f, 0xff, 0xff, 0xff, 0x10, 0])), "FRAME_TOO_LARGE");
  t.equal(await endOf(frameOf(0x63, [])), "UNKNOWN_PACKET");
});

t.test("a checksum works with a varint, and not with a delimiter", async (t) => {
  const protocol = defineProtocol({
    name: "varint",
    framing: varint({ offset: 1, maxBytes: 4 }),
    header: { kind: u8 },
    kind: "kind",
    checksum: "crc32",
    packets: {
      ask: { kind: 1, from: "client", reply: "tell", body: { data: bytes(u16) } },
      tell: { kind: 2, from: "server", body: { data: bytes(u16) } },
    },
  });
  const transport = memoryNetwork({ pieceBytes: () => 7 });
  const server = await serve({ port: 0, protocol, transport }, { ask: ({ data }) => ({ data }) });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol, transport });
  t.equal((await client.call("ask", { data: new Uint8Array(1000) })).data.length, 1000);
  await client.close();
  await server.shutdown();
});

t.test("a seal that cannot be is refused", (t) => {
  const framing = delimiter("\n");
  t.throws(() => defineProtocol({ name: "x", framing, checksum: "crc32", packets: {} }), {
    code: "INVALID_CONFIG",
  });
  const { spec } = sealed;
  t.throws(() => defineProtocol({ ...spec, packets: { odd: { kind: 0x41 } } }), {
    code: "INVALID_CONFIG",
    message: /the bit 64 that says compressed/,
  });
  t.throws(() => defineProtocol({ ...spec, compression: { algorithm: "lz4", bit: 3 } }), {
    code: "INVALID_CONFIG",
    message: /one bit of the kind/,
  });
  t.end();
});
