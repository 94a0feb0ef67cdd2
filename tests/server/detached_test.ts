/** A handler that transfers the memory of its packet away: forbidden, told clearly, and no harm to others. */

import t from "tap";
import { acks, join, submit, submits, toHex } from "../helpers/frames.ts";
import { turns, until } from "../helpers/runtime.ts";
import { peerOf, recordEvents, settings, start } from "../helpers/settings.ts";

/** Takes a packet's memory away, as `postMessage` with a list of what to transfer does. */
function steal(payload: Uint8Array): void {
  const { buffer } = payload;
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

for (const setting of settings()) {
  t.test(`the connection of a single request ends, and no other (${setting.name})`, async (t) => {
    let stealing = false;
    const server = await start(t, setting, {
      submit: (packet) => void (stealing && steal(packet.payload)),
    });
    const { errors, disconnects } = recordEvents(server);
    // Those that came together read into one piece of memory.
    const peers = [];
    for (let i = 0; i < 5; i++) peers.push(await peerOf(server, setting));
    const [thief, ...others] = peers;
    await until(() => server.stats().connections.open === 5, "all are connected");
    stealing = true;
    thief!.write(submit(1, "mine"));
    await until(() => disconnects.length === 1, "it is ended");
    stealing = false;
    t.match(disconnects, [{ code: "HANDLER_FAILED" }]);
    t.match(errors.at(-1), {
      code: "HANDLER_FAILED",
      message: /has transferred packet\.payload\.buffer.*transfer packet\.copy\(\)/,
    });
    await thief!.ended;
    t.equal(thief!.receivedBytes, 0, "nothing is answered of what cannot be read any more");
    for (const other of others) {
      other.write(submits(3));
      t.equal(toHex(await other.read(42)), toHex(acks(3)));
    }
    t.equal(server.stats().connections.open, 4);
  });

  t.test(`of many short requests those behind it fail, by name (${setting.name})`, async (t) => {
    const seen: string[] = [];
    let stolen = false;
    const server = await start(t, setting, {
      submit(packet) {
        seen.push(packet.text());
        if (stolen || seen.length < 5) return;
        stolen = true;
        steal(packet.payload);
      },
    });
    const { errors } = recordEvents(server);
    const thief = await peerOf(server, setting);
    const other = await peerOf(server, setting);
    await turns();
    thief.write(join(...Array.from({ length: 20 }, (_, i) => submit(i, "some text"))));
    await until(() => errors.length > 0, "the first of them");
    t.match(errors[0], {
      code: "HANDLER_FAILED",
      message: /has transferred packet\.payload\.buffer/,
    });
    other.write(submits(30));
    t.equal(toHex(await other.read(30 * 14)), toHex(acks(30)), "the others go on");
    t.equal((await thief.read(20 * 14)).length === 20 * 14 || thief.isEnded, true);
  });
}
