/**
 * The server of the exactly-once trial, to be killed: what it handles it writes to the database of its
 * sessions, and every tenth submit makes a push. Prints its port.
 *
 *   deno run -A trial_server.ts DATABASE
 *
 * @module
 */

import { writeSync } from "node:fs";
import { argv, exit, stdin } from "node:process";
import { serve } from "../../src/entry/deno.ts";
import { sqliteStore } from "../../src/entry/sqlite.ts";

const store = sqliteStore(argv[2]!);
const database = store.database as {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: readonly number[]): unknown };
};
database.exec(
  "CREATE TABLE IF NOT EXISTS handled (client INTEGER NOT NULL, number INTEGER NOT NULL)",
);
const handled = database.prepare("INSERT INTO handled (client, number) VALUES (?, ?)");
const server = await serve({ port: 0, sessions: { store, maxPushBytes: 1 << 24 } }, {
  submit(packet, conn) {
    const [client, number] = packet.text().split(":").map(Number);
    handled.run(client!, number!);
    if (number! % 10 === 0) conn.push(String(number));
  },
});
const EXPECTED = ["CONNECTION_RESET", "TRUNCATED", "ACCEPT_FAILED"]; // the network is bad
server.on("error", ({ code, message }) => {
  if (!EXPECTED.includes(code)) writeSync(2, `${code}: ${message}\n`);
});
stdin.resume().once("end", () => exit()); // who started it is gone
writeSync(1, `${server.addr.port}\n`);
