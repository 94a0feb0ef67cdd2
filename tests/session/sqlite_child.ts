/**
 * A server's part of sessions in a database, to be killed: handles requests one after the other, each in
 * a transaction that also writes to a table of the handler's own, and prints what it acknowledges.
 *
 *   deno run -A sqlite_child.ts DATABASE [SESSION SECRET]
 *
 * @module
 */

import { writeSync } from "node:fs";
import { argv } from "node:process";
import { sqliteStore } from "../../src/entry/sqlite.ts";
import { systemClock } from "../../src/connection/clock.ts";
import type { SessionCarrier } from "../../src/session/session.ts";
import { Sessions } from "../../src/session/sessions.ts";

const [path = "", id, secret] = argv.slice(2);
const store = sqliteStore(path);
const database = store.database as {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: readonly number[]): unknown };
};
database.exec("CREATE TABLE IF NOT EXISTS effect (seq INTEGER NOT NULL)");
const effect = database.prepare("INSERT INTO effect VALUES (?)");
const limits = {
  window: 4096,
  maxResponseBytes: 1 << 20,
  maxPushBytes: 1 << 20,
  retentionMs: 60_000,
  maxSessions: 10,
};
const say = (line: string) => void writeSync(1, `${line}\n`);
const sessions = new Sessions(store, limits, systemClock, Date.now, {
  failed: (error) => say(`failed ${error.message}`),
  expired: () => say("failed: expired"),
});
let session;
if (id === undefined) {
  const begun = (await sessions.begin(""))!;
  session = begun.session;
  say(`session ${session.id} ${begun.secret}`);
} else {
  session = (await sessions.resume(id, secret!, ""))!;
  say(`resumed ${session.lastRequest} ${session.lastPush}`);
}
let sent = session.lastPush;
for (let seq = session.acknowledgedPush + 1; seq <= sent; seq++) {
  say(`again ${session.pushAt(seq).seq}`);
}
const carrier: SessionCarrier = {
  id: 1,
  takenOver: () => say("failed: taken over"),
  over: () => say("failed: lost"),
  send(answers) {
    for (const { seq } of answers) say(`ack ${seq}`);
    while (sent < session.lastPush) say(`push ${session.pushAt(++sent).seq}`);
  },
};
session.attach(carrier, 0, Date.now());
for (let seq = session.lastRequest + 1; seq < 100_000; seq++) {
  sessions.transaction(session, () => {
    session.begin(seq);
    effect.run(seq);
    if (seq % 3 === 0) session.push(Uint8Array.of(seq & 255));
    session.finish({ seq, result: 0, payload: undefined, to: carrier, command: 2, wireBytes: 13 });
  });
  if (seq % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
