/** The host in a browser's page: a client, which the page's `suite` tells what to do. */

import { capabilities, connect } from "../../../src/entry/browser.ts";
import { browserWebSocket } from "../../../src/link/browser_web_socket.ts";
import { type Answer, type Command, Host } from "./host.ts";

const host = new Host({
  capabilities: capabilities(),
  connect,
  transport: browserWebSocket,
});

(globalThis as { suite?: (command: Command) => Promise<Answer> }).suite = (command) =>
  host.do(command);
