/**
 * The chat in a terminal, by TCP. Each line is a message.
 *
 *   deno run -A examples/web_chat/terminal.ts NAME [url]
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Member } from "./client.ts";

const [name = "terminal", url = "tcp://127.0.0.1:4100"] = process.argv.slice(2);

const input = createInterface({ input: process.stdin });
const member = await Member.join(url, name, {
  message: ({ at, name, text }) => {
    const time = new Date(at * 1000).toTimeString().slice(0, 5);
    console.log(`${time} ${name}: ${text}`);
  },
  people: (names) => console.log(`here are: ${names.join(", ")}`),
  presence: ({ joined }) => console.log(joined ? "you are in" : "the connection is lost"),
  refused(reason) {
    console.error(reason);
    process.exitCode = 1;
    input.close();
  },
});
for await (const line of input) {
  if (line.trim() === "") continue;
  await member.say(line).catch((error: Error) => console.error(`not said: ${error.message}`));
}
await member.leave();
