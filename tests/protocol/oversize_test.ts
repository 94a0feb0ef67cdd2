/** Frames over the limit on a connection: skipped and reported, or the end of the connection. */

import t from "tap";
import { delimiter, type OnOversize } from "../../src/codec/framing.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { restText } from "../../src/protocol/defined/fields/mod.ts";
import type { DisconnectInfo } from "../../src/server/server.ts";
import { bytesOf } from "../helpers/frames.ts";
import { type Peer, peerTo } from "../helpers/peer.ts";
import { serve, until } from "../helpers/runtime.ts";
import { settings } from "../helpers/settings.ts";

const TOO_LONG = "this line has more than sixteen bytes";

/** A protocol of lines that are not answered. */
const linesOf = (onOversize: OnOversize) =>
  defineProtocol({
    name: "lines",
    framing: delimiter("\n", { maxFrameBytes: 16, onOversize }),
    packets: { line: { from: "client", body: { text: restText() } } },
  });

/** Sends text in pieces of a few bytes. */
function dribble(peer: Peer, text: string): void {
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += 5) peer.write(bytes.slice(at, at + 5));
}

for (const { name, codec, transport } of settings()) {
  const options = { port: 0, codec, ...(transport !== undefined && { transport }) };

  t.test(`a skipped frame is an error event, and the connection goes on (${name})`, async (t) => {
    const lines: string[] = [];
    const errors: string[] = [];
    const server = await serve({ ...options, protocol: linesOf("skip") }, {
      line: ({ text }) => void lines.push(text),
    });
    server.on("error", (error) => errors.push(`${error.code} at ${error.streamOffset}`));
    const peer = await peerTo(server.addr.port, transport);
    dribble(peer, `one\n${TOO_LONG}\ntwo\n${TOO_LONG}${TOO_LONG}\nthree\n`);
    await until(() => lines.length === 3, "three lines");
    t.strictSame(lines, ["one", "two", "three"]);
    t.strictSame(errors, ["DELIMITER_NOT_FOUND at 4", "DELIMITER_NOT_FOUND at 46"]);
    t.equal(server.stats().connections.open, 1);
    t.match(server.stats().errors, { DELIMITER_NOT_FOUND: 2 });
    peer.end();
    await server.shutdown();
  });

  t.test(`without that, it ends its connection and no other (${name})`, async (t) => {
    const lines: string[] = [];
    const ends: DisconnectInfo[] = [];
    const server = await serve({ ...options, protocol: linesOf("fail"), lingerMs: 100 }, {
      line: ({ text }) => void lines.push(text),
    });
    server.on("disconnect", (_conn, info) => ends.push(info));
    const [bad, good] = [
      await peerTo(server.addr.port, transport),
      await peerTo(server.addr.port, transport),
    ];
    dribble(bad, `one\n${TOO_LONG}\ntwo\n`);
    await until(() => ends.length === 1, "the end of the first connection");
    t.match(ends, [{ code: "DELIMITER_NOT_FOUND" }]);
    dribble(good, "still here\n");
    await until(() => lines.length === 2, "a line of the other connection");
    t.strictSame(lines, ["one", "still here"]);
    good.end();
    await server.shutdown();
  });
}
