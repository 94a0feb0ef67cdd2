/** What fails, fails alone and by its name: handlers, calls, peers that break the protocol, addresses. */

import { RequestRefused } from "../../../src/protocol/submit/server/refused.ts";
import { fromHex, toHex } from "../../helpers/frames.ts";
import { type Behaviour, outcomeOf, submitServer, tellErrors, textOf, turn } from "../sides.ts";

/** What peers that break the protocol send, and by which code they are told of. */
const BROKEN: readonly (readonly [bytes: Uint8Array, code: string])[] = [
  [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "FRAME_TOO_LARGE"],
  [fromHex("0000000c 02 3030303030303031"), "LENGTH_UNDERFLOW"],
  [fromHex("0000000d 3f 3030303030303031"), "UNKNOWN_PACKET"],
  [fromHex("0000000d 82 3030303030303031"), "UNEXPECTED_PACKET"],
];

export const errors: Behaviour = {
  id: "errors",
  title: "errors",
  server(control) {
    const held: (() => void)[] = [];
    return submitServer({}, {
      async submit(packet) {
        const said = packet.text();
        if (said === "fail") throw new Error("asked to fail");
        if (said === "release") { for (const release of held.splice(0)) release(); }
        if (said === "hold") await new Promise<void>((resolve) => held.push(resolve));
        await turn();
        if (said === "reject") throw new Error("asked to reject");
      },
      request: (packet) =>
        tellErrors(control, packet, (said) => {
          if (said === "refuse") throw new RequestRefused("not you", { result: 3 });
          if (said === "busy") throw new RequestRefused("later", { result: 4, retryAfterMs: 258 });
          return said;
        }),
    });
  },
  async client(side) {
    const client = await side.connect({ hello: "required" });
    const calls = ["one", "fail", "two", "reject", "three"].map((said) => client.submit(said));
    side.equal(await Promise.all(calls.map(outcomeOf)), [
      "ok",
      "RESULT_FAILED answered",
      "ok",
      "RESULT_FAILED answered",
      "ok",
    ], "those that fail and those beside them");
    const refused = await client.request("refuse").catch((error) => error);
    side.equal([refused.code, refused.result], ["RESULT_FAILED", 3], "a refusal");
    side.ok(/not you/.test(refused.message), "it says why");
    const busy = await client.request("busy").catch((error) => error);
    side.equal([busy.code, busy.retryAfterMs], ["RESULT_FAILED", 258], "one that is busy");

    const giveUp = new AbortController();
    const given = outcomeOf(client.submit("hold", { signal: giveUp.signal }));
    await client.submit("the one before has left");
    giveUp.abort();
    side.equal(await given, "CANCELLED unknown", "a call that is given up");
    const late = outcomeOf(client.submit("hold", { timeoutMs: 20 }));
    side.equal(await late, "DEADLINE_EXCEEDED unknown", "a call that takes too long");

    for (const [bytes, code] of BROKEN) {
      const raw = await side.raw();
      void raw.write(bytes);
      side.equal(toHex(await raw.readToEnd()), "", `nothing is answered: ${code}`);
      while (!textOf(await client.request("errors")).includes(code)) await turn();
    }
    side.equal(textOf(await client.request("still here")), "still here", "nobody else suffers");
    await client.submit("release");
    await client.close();
    side.equal(
      await outcomeOf(client.submit("x")),
      "CONNECTION_CLOSED not-sent",
      "a call after the end",
    );
    const { code } = await side.connectToNobody().then(() => ({ code: "none" }), (error) => error);
    const isKnown = code === "CONNECTION_REFUSED" || code === "LINK_FAILED";
    side.ok(isKnown, `where nothing listens: ${code}`);
  },
};
