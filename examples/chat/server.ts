/**
 * A chat of lines: the first line of a connection is a name, every other one goes to all the others.
 *
 *   deno run -A examples/chat/server.ts [port]
 *   nc 127.0.0.1 4000
 */
import process from "node:process";
import { type ConnOf, defineProtocol, delimiter, restText, serve } from "framewire";

const [port = "4000"] = process.argv.slice(2);

// No header and no kind: every frame is a line, in both directions.
const chat = defineProtocol({
  name: "chat",
  framing: delimiter(["\n", "\r\n"], { maxFrameBytes: 1024 }),
  packets: { line: { body: { text: restText() } } },
});

const names = new Map<ConnOf<typeof chat>, string>();

function tellAll(text: string, except?: ConnOf<typeof chat>): void {
  for (const conn of names.keys()) {
    if (conn !== except && conn.open) conn.send("line", { text });
  }
}

const server = await serve({
  port: Number(port),
  protocol: chat,
  on: {
    connect: (conn) => conn.send("line", { text: "Welcome! Who are you?" }),
    disconnect(conn) {
      const name = names.get(conn);
      names.delete(conn);
      if (name !== undefined) tellAll(`${name} has left`);
    },
  },
}, {
  line({ text }, conn) {
    const name = names.get(conn);
    if (name !== undefined) {
      if (text === "/quit") conn.close("quit");
      else tellAll(`${name}: ${text}`, conn);
    } else if (/^\w{1,20}$/.test(text) && ![...names.values()].includes(text)) {
      tellAll(`${text} has joined`);
      conn.send("line", { text: `Here are: ${[...names.values()].join(", ") || "nobody else"}` });
      names.set(conn, text);
    } else {
      conn.send("line", { text: "A name has up to 20 letters, and nobody else has it" });
    }
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
