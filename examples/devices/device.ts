/**
 * A device, played: it measures, reports, and does as it is told. What it measures while it is offline it
 * reports later.
 *
 *   deno run -A examples/devices/device.ts SERIAL [url] [seconds between reports]
 */
import process from "node:process";
import { connect, isFramewireError } from "framewire";
import { keyOf } from "./keys.ts";
import { type Action, deviceProtocol, type Reading } from "./protocol.ts";

const [serial = "M-0001", url = "tcp://127.0.0.1:4300", reportEvery] = process.argv.slice(2);
/** So many reports are kept while there is no gateway; then the oldest are given up. */
const MOST_KEPT = 1000;

const client = await connect(url, {
  protocol: deviceProtocol,
  firstConnect: "wait",
  deadAfterTimeouts: 2,
  requestTimeoutMs: 5000,
});

const switches = new Map([[1, false], [2, false]]);
let secondsBetween = Number(reportEvery ?? 10);
/** The command that was carried out last, and how it went. */
let last: { readonly number: number; readonly failure: Failure | undefined } | undefined;
type Failure = "noSuchChannel" | "outOfRange";

/** @returns Why it cannot be done; undefined when it was. */
function carryOut(action: Action): Failure | undefined {
  if (action.type === "reportEvery") {
    if (action.seconds === 0) return "outOfRange";
    secondsBetween = action.seconds;
    console.log(`reports every ${secondsBetween} s`);
  } else {
    if (!switches.has(action.channel)) return "noSuchChannel";
    switches.set(action.channel, action.on);
    console.log(`switch ${action.channel} is ${action.on ? "on" : "off"}`);
  }
  return undefined;
}

client.handle({
  command({ number, action }) {
    // One that comes again was answered, and the answer was lost.
    if (last?.number !== number) last = { number, failure: carryOut(action) };
    const { failure } = last;
    return failure === undefined ? { packet: "done" } : { packet: "failed", reason: failure };
  },
});

const kept: { readonly at: number; readonly readings: readonly Reading[] }[] = [];
let loggedIn = false;
let reporting = false;

async function report(): Promise<void> {
  if (reporting) return;
  reporting = true;
  try {
    for (let next = kept[0]; next !== undefined && loggedIn; next = kept[0]) {
      await client.call("telemetry", next);
      kept.shift();
    }
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    console.log(`not reported: ${error.message}`);
  }
  reporting = false;
}

async function logIn(): Promise<void> {
  try {
    const answer = await client.call("login", { serial, key: keyOf(serial) });
    if (answer.packet === "rejected") {
      console.error(`rejected: ${answer.reason}`);
      process.exit(1);
    }
    if (reportEvery === undefined) secondsBetween = answer.reportEverySeconds;
    loggedIn = true;
    console.log("logged in");
    await report();
  } catch (error) {
    if (!isFramewireError(error)) throw error; // else the next connection logs in
  }
}

function measure(): void {
  const value = Math.round(20_000 + 2000 * Math.sin(Date.now() / 60_000));
  const readings = [{ channel: 1, value }, { channel: 2, value: switches.get(2) ? 1000 : 0 }];
  kept.push({ at: Math.floor(Date.now() / 1000), readings });
  if (kept.length > MOST_KEPT) kept.shift();
  void report();
  setTimeout(measure, secondsBetween * 1000);
}

client.on("status", ({ status }) => {
  loggedIn = false;
  if (status === "up") void logIn();
  else if (status === "down") console.log("the gateway is away");
});
await logIn();
measure();
