/**
 * A chat of lines: what one says is sent to all. Try it with `nc 127.0.0.1 7000` in two terminals.
 *
 *   deno run -A examples/chat/server.ts [port]
 */
import process from "node:process";
import { type ConnOf, serve } from "framewire";
import { defineProtocol, delimiter, restText } from "framewire/protocol";

const chat = defineProtocol({
  name: "chat",
  framing: delimiter(["\n", "\r\n"], { maxFrameBytes: 1024 }),
  packets: {
    said: { from: "client", body: { text: restText() } },
    shown: { from: "server", body: { text: restText() } },
  },
});
type Conn = ConnOf<typeof chat>;

/** A guest that does not read is shown out when so many bytes wait for it. */
const MAX_QUEUED_BYTES = 1 << 20;

const [port = "7000"] = process.argv.slice(2);
const names = new Map<Conn, string>();

function broadcast(text: string) {
  for (const conn of names.keys()) {
    if (conn.queuedBytes <= MAX_QUEUED_BYTES) conn.send("shown", { text });
    else {
      names.delete(conn);
      conn.close("does not read");
    }
  }
}

function rename(conn: Conn, name: string) {
  if (!/^[\p{L}\p{N}_-]{1,20}$/u.test(name) || [...names.values()].includes(name)) {
    conn.send("shown", { text: `* the name ${name} is taken or none` });
    return;
  }
  const before = names.get(conn);
  names.set(conn, name);
  broadcast(`* ${before} is now ${name}`);
}

const server = await serve({
  port: Number(port),
  protocol: chat,
  on: {
    connect(conn) {
      const name = `guest${conn.id}`;
      names.set(conn, name);
      conn.send("shown", { text: "* /name NAME, /who, /quit; all else is said to all" });
      broadcast(`* ${name} has come`);
    },
    disconnect(conn) {
      const name = names.get(conn);
      if (names.delete(conn)) broadcast(`* ${name} has gone`);
    },
    error: (error) => console.error(`${error.code} ${error.message}`),
  },
}, {
  said(packet, conn) {
    const [command, name = ""] = packet.text.split(" ");
    if (command === "/name") rename(conn, name);
    else if (command === "/who") {
      conn.send("shown", { text: `* ${[...names.values()].join(", ")}` });
    } else if (command === "/quit") conn.close("quit");
    else if (packet.text !== "") broadcast(`${names.get(conn)}: ${packet.text}`);
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
