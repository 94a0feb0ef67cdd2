/** The chat example against netcat. */

import t from "tap";
import type { Running } from "../cli/command.ts";
import { lacks, startProgram, startServer } from "./program.ts";

const skip = lacks("nc", "netcat-openbsd");

/** Runs netcat until one side ends the connection: lines are what the user types. */
class Guest {
  readonly running: Running;

  constructor(t: { teardown(end: () => void): void }, port: number) {
    this.running = startProgram(t, "nc", ["127.0.0.1", String(port)]);
  }

  types(text: string): void {
    this.running.child.stdin!.write(text);
  }

  sees(pattern: RegExp): Promise<RegExpExecArray> {
    return this.running.wrote("stdout", pattern);
  }
}

t.test("what one says all see, by the names they chose", { skip }, async (t) => {
  const { port } = await startServer(t, "chat/server.ts");
  const ann = new Guest(t, port);
  await ann.sees(/^\* guest1 has come\n/m);
  const bob = new Guest(t, port);
  await ann.sees(/^\* guest2 has come\n/m);

  ann.types("/name ann\n");
  await bob.sees(/^\* guest1 is now ann\n/m);
  bob.types("/name ann\n");
  await bob.sees(/^\* the name ann is taken or none\n/m);
  bob.types("hel");
  bob.types("lo, grüß dich\r\n\n/name bob\nbye\n");
  for (const guest of [ann, bob]) {
    await guest.sees(/^guest2: hello, grüß dich\n\* guest2 is now bob\nbob: bye\n/m);
  }
  ann.types("/who\n");
  await ann.sees(/^\* ann, bob\n/m);

  bob.types("/quit\n");
  const { code, stdout } = await bob.running.ended;
  t.equal(code, 0);
  t.notMatch(stdout, /ann, bob/);
  await ann.sees(/^\* bob has gone\n/m);
});

t.test("many guests each see every line once, in one order", { skip }, async (t) => {
  const { port } = await startServer(t, "chat/server.ts");
  const guests: Guest[] = [];
  for (let i = 1; i <= 5; i++) {
    const guest = new Guest(t, port);
    await guest.sees(new RegExp(`^\\* guest${i} has come\\n`, "m"));
    guests.push(guest);
  }
  guests.forEach((guest, i) => {
    guest.types(Array.from({ length: 200 }, (_, n) => `line ${i}.${n}\n`).join(""));
  });
  await Promise.all(
    guests.flatMap((guest) =>
      guests.map((_, i) => guest.sees(new RegExp(`^guest${i + 1}: line ${i}\\.199\\n`, "m")))
    ),
  );
  const seen = await Promise.all(guests.map(async (guest) => {
    const [all] = await guest.sees(/(^guest\d: line \d\.\d+\n)+/m);
    return all;
  }));
  t.equal(seen[0]!.split("\n").length, 1001);
  t.equal(new Set(seen[0]!.split("\n")).size, 1001);
  t.equal(new Set(seen).size, 1);
});

t.test("a line that is too long ends its connection, and no other", { skip }, async (t) => {
  const { running, port } = await startServer(t, "chat/server.ts");
  const quiet = new Guest(t, port);
  await quiet.sees(/guest1 has come/);
  const loud = new Guest(t, port);
  await quiet.sees(/guest2 has come/);
  loud.types("x".repeat(5000));
  await running.wrote("stderr", /^(FRAME_TOO_LARGE|DELIMITER_NOT_FOUND) /m);
  await loud.running.ended;
  await quiet.sees(/^\* guest2 has gone\n/m);
  quiet.types("still here\n");
  await quiet.sees(/^guest1: still here\n/m);
});
