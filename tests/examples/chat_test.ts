/** The chat example against netcat. */

import t from "tap";
import { lacks, startProgram, startServer } from "./program.ts";

t.test("people with netcat talk to each other", {
  skip: lacks("nc", "netcat-openbsd", /OpenBSD/),
}, async (t) => {
  const { port } = await startServer(t, "chat/server.ts");
  // With -N it ends the connection at the end of its input; else only the server does.
  const join = async (name: string, ...options: string[]) => {
    const person = startProgram(t, "nc", [...options, "127.0.0.1", String(port)]);
    await person.wrote("stdout", /^Welcome! Who are you\?$/m);
    person.child.stdin!.write(`${name}\n`);
    await person.wrote("stdout", /^Here are: (.*)$/m);
    return person;
  };
  const ann = await join("ann", "-N");
  const bob = await join("bob");
  await ann.wrote("stdout", /^bob has joined$/m);
  ann.child.stdin!.write("hello, bob\nüber\r\n");
  await bob.wrote("stdout", /^ann: hello, bob\nann: über$/m);
  bob.child.stdin!.end("/quit\n");
  t.equal((await bob.ended).code, 0, "the server ends the connection");
  await ann.wrote("stdout", /^bob has left$/m);
  const other = startProgram(t, "nc", ["127.0.0.1", String(port)]);
  other.child.stdin!.write("ann\nnot a name\n");
  await other.wrote("stdout", /^(A name has .*\n){2}/m);
  ann.child.stdin!.end("bye\n");
  t.match(
    (await ann.ended).stdout,
    /^Welcome.*\nHere are: nobody else\nbob has joined\nbob has left\n$/,
  );
});
