/** How connections end and begin again: drain, reconnect, sessions. */

import type { GoAway } from "../../../src/protocol/submit/client/calls.ts";
import { type Behaviour, outcomeOf, submitServer, textOf, turn } from "../sides.ts";

const REASON = "an update";

export const drain: Behaviour = {
  id: "drain",
  title: "drain",
  needs: ["shutdown"],
  server(control) {
    let release!: () => void;
    const released = new Promise<void>((resolve) => release = resolve);
    return submitServer({}, {
      async submit(packet) {
        if (packet.text() === "hold") await released;
        if (packet.text() !== "drain") return;
        control.shutdown({ deadlineMs: 120_000, reason: REASON });
        release();
      },
    });
  },
  async client(side) {
    const client = await side.connect({ hello: "required" });
    const notices: GoAway[] = [];
    client.onGoAway((notice) => notices.push(notice));
    const held = outcomeOf(client.submit("hold"));
    side.equal(await outcomeOf(client.submit("drain")), "ok", "the one that asks for it");
    side.equal(await held, "ok", "the one under way");
    const { code } = await client.closed;
    side.equal(code, "PEER_ENDED", "the connection ends in order");
    side.equal(notices.map(({ reason }) => reason), [REASON], "with notice");
    const after = await outcomeOf(client.submit("x"));
    side.ok(/^(DRAINING|CONNECTION_CLOSED) not-sent$/.test(after), `afterwards: ${after}`);
    // The system may still take a connection, but nobody serves it.
    const other = side.connect().then((late) => late.submit("x"));
    side.ok(await outcomeOf(other) !== "ok", "nobody else is served");
  },
  ended: ({ completed, moved, cut }) =>
    completed + moved === 1 && cut.length === 0
      ? undefined
      : `drained: ${completed} completed, ${moved} moved, ${cut.length} cut`,
};

export const reconnect: Behaviour = {
  id: "reconnect",
  title: "reconnect",
  server() {
    const seen = new Set<string>();
    return submitServer({}, {
      async submit(packet, conn) {
        const said = packet.text();
        if (said === "bye") conn.close("as asked");
        if (!/^(never|once)/.test(said)) return;
        const isFirst = !seen.has(said);
        seen.add(said);
        if (isFirst || said.startsWith("never")) await new Promise(() => {});
      },
      request: (packet) => String(seen.has(packet.text())),
    });
  },
  async client(side) {
    const asker = await side.connect({ hello: "required" });
    const came = async (said: string) => {
      while (textOf(await asker.request(said)) !== "true") await turn();
    };
    const client = await side.stay({ hello: "required", backoffMinMs: 1 });
    const statuses: string[] = [];
    client.on("status", ({ status }) => statuses.push(status));
    await client.submit("before");
    side.cut();
    // It may be written to what is broken already, and is made again then.
    await client.submit("after the network broke", { idempotent: true });
    side.equal(statuses, ["down", "up"], "what is told of it");

    const never = outcomeOf(client.submit(`never ${side.run}`));
    const once = outcomeOf(client.submit(`once ${side.run}`, { idempotent: true }));
    await came(`never ${side.run}`);
    await came(`once ${side.run}`);
    side.cut();
    side.ok(/^CONNECTION_\w+ unknown$/.test(await never), `one that may be done: ${await never}`);
    side.equal(await once, "ok", "one that may be done twice is made again");

    await client.submit("bye");
    // It may go out on the connection that is being ended, and is made again then.
    await client.submit("after the server ended it", { idempotent: true });
    side.equal(client.status, "up", "it stands again");
    await client.close();
    await asker.close();
  },
};

const ROUNDS = 5;
const SUBMITS = 10;

export const session: Behaviour = {
  id: "session",
  title: "session resume",
  needs: ["one server"],
  server() {
    const counts = new Map<string, number>();
    return submitServer({ sessions: {} }, {
      async submit(packet, conn) {
        const said = packet.text();
        counts.set(said, (counts.get(said) ?? 0) + 1);
        if (said.endsWith("0")) conn.session!.push(said);
        if (said.endsWith("5")) await turn();
      },
      request: () => JSON.stringify([...counts]),
    });
  },
  async client(side) {
    const client = await side.session(true);
    const pushes: string[] = [];
    client.onPush((payload) => void pushes.push(textOf(payload)));
    const names: string[] = [];
    const calls: Promise<string>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < SUBMITS; i++) {
        const name = `${side.run} ${round} ${i}`;
        names.push(name);
        calls.push(outcomeOf(client.submit(name)));
      }
      await turn(); // some have left by now, some are answered, some are not
      side.cut();
      if (round % 2 === 1) await calls.at(-1);
    }
    side.equal([...new Set(await Promise.all(calls))], ["ok"], "all are answered");
    const { resumed, lost } = client.session;
    side.equal({ resumed, lost }, { resumed: true, lost: 0 }, "one session for all of it");
    const counts = new Map(
      JSON.parse(textOf(await client.request("counts"))) as [string, number][],
    );
    side.equal(names.map((name) => counts.get(name)), names.map(() => 1), "each is handled once");
    const expected = Array.from({ length: ROUNDS }, (_, round) => `${side.run} ${round} 0`);
    while (pushes.length < expected.length) await turn();
    side.equal(pushes, expected, "each push comes once, in order");

    const later = await side.session(client.session);
    const { code } = await client.closed;
    side.equal(code, "SESSION_TAKEN_OVER", "the one before is told");
    side.equal(later.session.resumed, true, "another client goes on with it");
    await later.submit(`${side.run} later`);
    await later.close();
  },
};
