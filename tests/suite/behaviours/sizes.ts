/** Large packets, and limits: of frames in both directions, and of connections. */

import { crc32c } from "../../../src/codec/checksum.ts";
import { fromHex, randomBytes, toHex } from "../../helpers/frames.ts";
import { type Behaviour, outcomeOf, submitServer, tellErrors, textOf, turn } from "../sides.ts";

const SIZES = [0, 1, 16_384, 65_523, 65_524, 65_536, 1_100_000];
const STREAM_PARTS = 24;
const PART_BYTES = 25_000;

export const large: Behaviour = {
  id: "large",
  title: "large packets",
  server() {
    let last = "";
    return submitServer({ maxFrameBytes: 2 << 20, streamThresholdBytes: 300_000 }, {
      async submit(packet) {
        let bytes = 0;
        let checksum = 0;
        for await (const part of packet.stream()) {
          bytes += part.length;
          checksum = crc32c(part, checksum);
        }
        last = `${bytes} ${checksum}`;
      },
      request: (packet) => packet.payload.length === 4 ? last : packet.payload,
    });
  },
  async client(side) {
    const client = await side.connect({ hello: "required", maxFrameBytes: 2 << 20 });
    const all = randomBytes(side.run, PART_BYTES);
    const bytesOf = (size: number) => {
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size; at += all.length) bytes.set(all.subarray(0, size - at), at);
      return bytes;
    };
    for (const size of SIZES) {
      const sent = bytesOf(size);
      const back = await client.request(sent);
      side.equal([back.length, crc32c(back)], [size, crc32c(sent)], `${size} bytes there and back`);
      await client.submit(sent);
      const got = textOf(await client.request("last"));
      side.equal(got, `${size} ${crc32c(sent)}`, `${size} bytes to a handler that streams`);
    }
    let checksum = 0;
    async function* parts() {
      for (let i = 0; i < STREAM_PARTS; i++) {
        const part = all.map((byte) => byte ^ i);
        checksum = crc32c(part, checksum);
        yield part;
        await turn();
      }
    }
    const bytes = STREAM_PARTS * PART_BYTES;
    await client.submit(parts(), { bytes });
    const got = textOf(await client.request("last"));
    side.equal(got, `${bytes} ${checksum}`, "a stream to a handler that streams");
    await client.close();
  },
};

const MOST_BYTES = 1000;

export const limits: Behaviour = {
  id: "limits",
  title: "limits of frames",
  server: (control) =>
    submitServer({ maxFrameBytes: MOST_BYTES }, {
      submit() {},
      request: (packet) =>
        tellErrors(control, packet, (said) => said === "long" ? "x".repeat(900) : said),
    }),
  async client(side) {
    const client = await side.connect({ hello: "required" });
    await client.submit("x".repeat(MOST_BYTES - 13));
    side.equal(
      await outcomeOf(client.submit("x".repeat(MOST_BYTES - 12))),
      "FRAME_TOO_LARGE not-sent",
      "a frame over the server's limit",
    );
    const raw = await side.raw();
    // Its head alone: what is too long is refused before it comes.
    void raw.write(fromHex("0000000d 02 3030303030303031 000003e9 02"));
    side.equal(toHex(await raw.readToEnd()), "0000000e82303030303030303100", "the one before it");
    while (!textOf(await client.request("errors")).includes("FRAME_TOO_LARGE")) await turn();

    const narrow = await side.connect({ hello: "required", maxFrameBytes: 500 });
    side.equal(
      textOf(await narrow.request("short")),
      "short",
      "an answer within the client's limit",
    );
    side.equal(
      await outcomeOf(narrow.request("long")),
      "FRAME_TOO_LARGE unknown",
      "an answer over the client's limit",
    );
    side.equal((await narrow.closed).code, "FRAME_TOO_LARGE", "ends its connection");
    side.equal(textOf(await client.request("short")), "short", "and no other");
    await client.close();
  },
};

export const connections: Behaviour = {
  id: "connections",
  title: "limits of connections",
  needs: ["one server"],
  server: () => submitServer({ maxConnections: 2, onMaxConnections: "refuse" }, { submit() {} }),
  async client(side) {
    const hello = "required";
    const first = await side.connect({ hello });
    const second = await side.connect({ hello });
    const third = await side.connect({ hello }).catch(({ code }) => code);
    // With TLS it is cut before a handshake is paid for.
    const isRefused = third === "BUSY" ||
      side.carrier === "tls" &&
        ["TLS_FAILED", "CONNECTION_REFUSED", "CONNECTION_RESET"].includes(third as string);
    side.ok(isRefused, `a third one: ${third}`);
    await first.submit("goes on");
    await second.close();
    let another: typeof first | undefined;
    while (another === undefined) another = await side.connect({ hello }).catch(() => undefined);
    await another.submit("there is room again");
    await another.close();
    await first.close();
  },
};
