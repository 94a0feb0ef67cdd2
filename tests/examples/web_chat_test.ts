/** The chat by TCP and WebSocket: people in terminals, and in a browser. */

import { request } from "node:http";
import t from "tap";
import { connect } from "../helpers/runtime.ts";
import { chat } from "../../examples/web_chat/protocol.ts";
import { lacksChromium, startChromium } from "./chromium.ts";
import { startExample } from "./program.ts";

interface Test {
  teardown(end: () => void): void;
}

/** Starts the server, on free ports or on those of an earlier one. */
async function startChat(t: Test, ports: readonly string[] = ["0", "0", "0"]) {
  const running = startExample(t, "web_chat/server.ts", ports);
  const [, page = ""] = await running.wrote("stdout", /page is at (\S+)/);
  const [, tcp = "", ws = ""] = await running.wrote("stdout", /listening on (\S+) and (\S+)/);
  return { running, tcp, ws, page, ports: [tcp, page, ws].map((url) => new URL(url).port) };
}

async function startTerminal(t: Test, name: string, url: string) {
  const terminal = startExample(t, "web_chat/terminal.ts", [name, url]);
  await terminal.wrote("stdout", /you are in/);
  return {
    say: (text: string) => terminal.child.stdin!.write(`${text}\n`),
    shows: (pattern: RegExp) => terminal.wrote("stdout", pattern),
    terminal,
  };
}

/** How a page of an origin is answered that asks for a WebSocket. */
function statusOfUpgrade(url: string, origin: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url.replace("ws:", "http:"), {
      headers: {
        origin,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol": "framewire",
      },
    });
    asked.on("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      resolve(statusCode);
    });
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on("error", reject).end();
  });
}

t.test("people in terminals talk, and come back after the server was down", async (t) => {
  const { running, tcp, ports } = await startChat(t);
  const ann = await startTerminal(t, "ann", tcp);
  ann.say("is anybody here?");
  await ann.shows(/\d\d:\d\d ann: is anybody here\?/);
  const bob = await startTerminal(t, "bob", tcp);
  await bob.shows(/here are: ann, bob\n.*ann: is anybody here\?/);
  const other = startExample(t, "web_chat/terminal.ts", ["bob", tcp]);
  t.match(await other.ended, { code: 1, stderr: /bob is here already/ });

  running.kill("SIGKILL");
  await bob.shows(/the connection is lost/);
  await startChat(t, ports);
  await bob.shows(/lost[^]*you are in/);
  await ann.shows(/lost[^]*here are: ann, bob/);
  bob.say("back again");
  await ann.shows(/bob: back again/);
  bob.terminal.child.stdin!.end();
  t.equal((await bob.terminal.ended).code, 0);
  await ann.shows(/back again\nhere are: ann\n/);
});

t.test("the server takes WebSockets of its page and of programs, not of other pages", async (t) => {
  const { ws, page } = await startChat(t);
  const client = await connect(ws, { protocol: chat });
  t.match(await client.call("say", { text: "hello" }), {
    packet: "refused",
    reason: "Join first.",
  });
  t.match(await client.call("join", { name: "<b>", after: 0 }), { packet: "refused" });
  t.match(await client.call("join", { name: "eve", after: 0 }), { packet: "welcome" });
  await client.close();
  t.equal(await statusOfUpgrade(ws, page), 101);
  t.equal(await statusOfUpgrade(ws, "https://elsewhere.example"), 403);
  const policy = (await fetch(page)).headers.get("content-security-policy");
  t.match(policy, /default-src 'none'/);
});

t.test("a browser and a terminal talk, with the keyboard alone", {
  skip: lacksChromium(),
}, async (t) => {
  const { running, tcp, page: url, ports } = await startChat(t);
  const terminal = await startTerminal(t, "terminal", tcp);
  const browser = await startChromium(t);
  const page = await browser.newPage({ colorScheme: "dark" });
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/Content.Security|WebAssembly/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  await page.keyboard.type("terminal");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("terminal is here already").waitFor();
  await page.getByLabel("Your name").fill("");
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await page.getByText("Ada (you)").waitFor();
  await terminal.shows(/here are: Ada, terminal/);
  await page.keyboard.type("hello from the page");
  await page.keyboard.press("Enter");
  await terminal.shows(/\d\d:\d\d Ada: hello from the page/);
  terminal.say("hello <b>page</b>");
  const log = page.getByRole("log");
  await log.getByText("hello <b>page</b>").waitFor();
  t.equal(await log.locator("time").count(), 2, "each has a time");

  running.kill("SIGKILL");
  const state = page.getByRole("status");
  await state.getByText("Reconnecting").waitFor();
  t.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true);
  await page.keyboard.type("not forgotten");
  await startChat(t, ports);
  await state.getByText("Connected").waitFor();
  await page.keyboard.press("Enter");
  await log.getByText("not forgotten").waitFor();
  await terminal.shows(/lost[^]*Ada: not forgotten/);
  t.strictSame(faults, []);
});
