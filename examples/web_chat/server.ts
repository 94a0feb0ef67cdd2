/**
 * A chat by TCP and by WebSocket at once, and the page for it.
 *
 *   deno run -A examples/web_chat/server.ts [tcp port] [page port] [WebSocket port]
 */
import process from "node:process";
import { type ConnOf, serve } from "framewire";
import { servePage } from "./page_server.ts";
import { chat, type Message, MOST_CHARACTERS } from "./protocol.ts";

const [tcpPort = "4100", pagePort = "4101", wirePort = "4102"] = process.argv.slice(2);

/** So many messages are kept for those who come later. */
const MOST_KEPT = 100;

const members = new Map<ConnOf<typeof chat>, string>();
const kept: Message[] = [];
let last = 0;

const names = () => [...members.values()].sort((a, b) => a.localeCompare(b));
const tellPeople = () =>
  server.broadcast("people", { people: names() }, (conn) => members.has(conn));

const page = await servePage(Number(pagePort));
const server = await serve({
  listen: [`tcp://127.0.0.1:${tcpPort}`, `ws://127.0.0.1:${wirePort}/chat`],
  // Other sites' pages may not speak in a visitor's name.
  webSocket: { origins: page.origins },
  protocol: chat,
  on: {
    disconnect(conn) {
      if (members.delete(conn)) tellPeople();
    },
    error: ({ code, message }) => console.error(code, message),
  },
}, {
  join({ name, after }, conn) {
    if (!/^[\p{L}\p{N}][\p{L}\p{N} _.-]{0,19}$/u.test(name)) {
      return { packet: "refused", reason: "A name has up to 20 letters and digits." };
    }
    if (names().includes(name)) return { packet: "refused", reason: `${name} is here already.` };
    members.set(conn, name);
    queueMicrotask(tellPeople); // behind the welcome
    // A server that was started anew counts from 1 again.
    const missed = after > last ? kept : kept.filter(({ number }) => number > after);
    return { packet: "welcome", people: names(), missed };
  },

  say({ text }, conn) {
    const name = members.get(conn);
    if (name === undefined) return { packet: "refused", reason: "Join first." };
    if (text.trim() === "" || text.length > MOST_CHARACTERS) {
      return { packet: "refused", reason: `A message has 1 to ${MOST_CHARACTERS} characters.` };
    }
    const message = { number: ++last, at: Math.floor(Date.now() / 1000), name, text };
    kept.push(message);
    if (kept.length > MOST_KEPT) kept.shift();
    server.broadcast("message", message, (other) => members.has(other));
    return { packet: "said" };
  },
});

const [tcp, wire] = server.addrs;
page.open(wire!.port);
console.log(`listening on ${tcp!.url} and ${wire!.url}`);
console.log(`the page is at ${page.origins[0]}`);
