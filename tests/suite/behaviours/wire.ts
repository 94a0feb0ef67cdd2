/** Byte for byte what a server answers, in whatever pieces it is asked: tests/vectors/submit_echo.json. */

import vectors from "../../vectors/submit_echo.json" with { type: "json" };
import { RequestRefused } from "../../../src/protocol/submit/server/refused.ts";
import { fromHex, join, toHex } from "../../helpers/frames.ts";
import { type Behaviour, type ClientSide, serverOf, submitServer, turn } from "../sides.ts";

interface Exchange {
  readonly name: string;
  readonly sent: string;
  readonly answered: string;
}

const digits = (hex: string) => hex.replaceAll(" ", "");

/** Handlers fail as the vectors have it. */
function judge(said: string): void {
  if (said === "fail") throw new Error("asked to fail");
  if (said === "refuse") throw new RequestRefused("not you", { result: 3 });
  if (said === "busy") throw new RequestRefused("later", { result: 4, retryAfterMs: 258 });
}

async function tryAll(side: ClientSide, exchanges: readonly Exchange[]): Promise<void> {
  for (const { name, sent, answered } of exchanges) {
    const raw = await side.raw();
    const bytes = fromHex(sent);
    // A peer that offers a checksum waits for the welcome: its frames have none before.
    const first = new DataView(bytes.buffer).getUint32(0);
    void raw.write(bytes.subarray(0, first));
    if (sent.length > 2 * first && /^\S{8} 01/.test(sent)) await raw.read(14);
    void raw.write(bytes.subarray(first));
    raw.end();
    side.equal(toHex(await raw.readToEnd()), digits(answered), name);
  }
}

export const wire: Behaviour = {
  id: "wire",
  title: "wire conformance of plain peers",
  server: () => submitServer({}, { submit: (packet) => judge(packet.text()) }),
  client: (side) => tryAll(side, vectors.submit),
};

export const helloWire: Behaviour = {
  id: "helloWire",
  title: "wire conformance after a hello",
  server: () =>
    submitServer({
      maxFrameBytes: 65_536,
      maxInFlight: 8,
      maxInFlightBytes: 4096,
      heartbeatMs: 15_000,
    }, {
      submit(packet, conn) {
        if (packet.text() === "push") conn.push("news");
        judge(packet.text());
      },
      request(packet) {
        judge(packet.text());
        return packet.text();
      },
    }),
  client: (side) => tryAll(side, vectors.hello.server),
};

export const echoWire: Behaviour = {
  id: "echoWire",
  title: "wire conformance of echo",
  server: () => serverOf("echo", {}, {}),
  async client(side) {
    for (const { name, sent, answered } of vectors.echo) {
      const raw = await side.raw();
      void raw.write(fromHex(sent));
      raw.end();
      side.equal(toHex(await raw.readToEnd()), digits(answered), name);
    }
    const client = await side.connect<"echo">({ protocol: "echo" });
    const echoes = await Promise.all(vectors.client.echoed.map((text) => client.echo(text)));
    side.equal(
      echoes.map((echo) => new TextDecoder().decode(echo)),
      vectors.client.echoed,
      "echoes",
    );
    await client.close();
  },
};

/** Within the length, the command, the id and the payload of a frame, and between them. */
const CUTS = [1, 4, 5, 9, 13, 15];

export const split: Behaviour = {
  id: "split",
  title: "split delivery",
  server: () => submitServer({}, { submit: (packet) => judge(packet.text()) }),
  async client(side) {
    const sent = join(...vectors.submit.map((exchange) => fromHex(exchange.sent)));
    const answered = digits(vectors.submit.map((exchange) => exchange.answered).join(""));
    const bytewise = await side.raw();
    for (let i = 0; i < sent.length; i++) await bytewise.write(sent.subarray(i, i + 1));
    bytewise.end();
    side.equal(toHex(await bytewise.readToEnd()), answered, "byte by byte");

    const [, , hello] = vectors.submit;
    const frame = fromHex(hello!.sent);
    const halves = await side.raw();
    for (const [i, at] of CUTS.entries()) {
      await halves.write(frame.subarray(0, at));
      await turn();
      await halves.write(frame.subarray(at));
      const before = i * 14;
      const answer = (await halves.read(before + 14)).subarray(before);
      side.equal(toHex(answer), digits(hello!.answered), `split at byte ${at}`);
    }
    halves.end();
    await halves.readToEnd();
  },
};
