/** The MQTT example against mosquitto's clients, and by itself. */

import t from "tap";
import { isFilter, matches, mqtt } from "../../examples/mqtt/protocol.ts";
import { peerTo } from "../helpers/peer.ts";
import { lacks, startProgram, startServer } from "./program.ts";

const skip = lacks("mosquitto_pub", "mosquitto-clients");

interface Test {
  teardown(end: () => void): void;
}

function publish(t: Test, port: number, ...args: string[]) {
  return startProgram(t, "mosquitto_pub", ["-p", String(port), ...args]).ended;
}

/** Starts mosquitto_sub and waits until it has subscribed. */
async function subscribe(t: Test, port: number, ...args: string[]) {
  // By itself it would keep back what -d says until the first message.
  const line = ["-oL", "mosquitto_sub", "-d", "-v", "-p", String(port), ...args];
  const running = startProgram(t, "stdbuf", line);
  await running.wrote("stdout", /received SUBACK[^]*Subscribed \(mid: 1\): 0/);
  return running;
}

t.test("mosquitto_sub gets what mosquitto_pub publishes", { skip }, async (t) => {
  const { port } = await startServer(t, "mqtt/broker.ts");
  const all = await subscribe(t, port, "-t", "house/#");
  const one = await subscribe(t, port, "-t", "house/+/temperature", "-t", "other", "-C", "2");
  t.equal((await publish(t, port, "-t", "house/kitchen/temperature", "-m", "21")).code, 0);
  t.equal((await publish(t, port, "-t", "house/kitchen/humidity", "-m", "40")).code, 0);
  t.equal((await publish(t, port, "-t", "elsewhere", "-m", "x")).code, 0);
  const { code } = await publish(t, port, "-t", "house/hall/temperature", "-m", "grün", "-q", "1");
  t.equal(code, 0, "a message of QoS 1 is acknowledged");
  const { stdout } = await one.ended;
  t.match(stdout, /^house\/kitchen\/temperature 21$[^]*^house\/hall\/temperature grün$/m);
  t.notMatch(stdout, /humidity|elsewhere/);
  await all.wrote("stdout", /^house\/kitchen\/humidity 40$[^]*^house\/hall\/temperature grün$/m);
});

t.test("a large message comes whole", { skip }, async (t) => {
  const { port } = await startServer(t, "mqtt/broker.ts");
  const large = "x".repeat(100_000);
  const sub = await subscribe(t, port, "-t", "large", "-C", "1");
  t.equal((await publish(t, port, "-t", "large", "-m", large)).code, 0);
  const { stdout } = await sub.ended;
  t.ok(stdout.includes(`\nlarge ${large}\n`));
});

t.test(
  "retained messages come to later subscribers, until they are cleared",
  { skip },
  async (t) => {
    const { port } = await startServer(t, "mqtt/broker.ts");
    await publish(t, port, "-t", "a/b", "-m", "kept", "-r");
    const first = await subscribe(t, port, "-t", "a/+", "-C", "1");
    t.match((await first.ended).stdout, /^a\/b kept$/m);
    await publish(t, port, "-t", "a/b", "-n", "-r");
    const second = await subscribe(t, port, "-t", "a/+", "-C", "1");
    await publish(t, port, "-t", "a/c", "-m", "fresh");
    const { stdout } = await second.ended;
    t.match(stdout, /^a\/c fresh$/m);
    t.notMatch(stdout, /kept/);
  },
);

t.test("a will is published when a client dies, and not when it leaves", { skip }, async (t) => {
  const { port } = await startServer(t, "mqtt/broker.ts");
  const watcher = await subscribe(t, port, "-t", "wills/#");
  const will = (topic: string) => ["--will-topic", topic, "--will-payload", "gone"];
  await publish(t, port, "-t", "x", "-m", "x", ...will("wills/left"));
  const dying = await subscribe(t, port, "-t", "y", ...will("wills/died"));
  dying.kill("SIGKILL");
  await dying.ended;
  await watcher.wrote("stdout", /^wills\/died gone$/m);
  watcher.kill("SIGTERM");
  t.notMatch((await watcher.ended).stdout, /wills\/left/);
});

t.test("unsubscribing, pings and what the standard forbids", async (t) => {
  const { port } = await startServer(t, "mqtt/broker.ts");
  const connect = mqtt.encode("connect", {
    protocolName: "MQTT",
    level: 4,
    hasUsername: 1,
    hasPassword: 1,
    willRetain: 0,
    willQos: 0,
    hasWill: 0,
    cleanSession: 1,
    reserved: 0,
    keepAliveS: 60,
    clientId: "me",
    username: "u",
    password: new Uint8Array([1]),
  });
  const topics = [{ filter: "a", qos: 2 }, { filter: "a#", qos: 0 }];
  const say = async (...frames: Uint8Array[]) => {
    const peer = await peerTo(port);
    t.teardown(() => peer.reset());
    peer.write(new Uint8Array(frames.flatMap((frame) => [...frame])));
    const decoder = mqtt.decoder({ from: "server" });
    return decoder.push(await peer.readToEnd()).map((packet) => {
      const { packet: name, header: _, ...fields } = packet.toObject();
      return [name, ...Object.values(fields)];
    });
  };
  const publish = mqtt.encode("publish", { topic: "a", payload: new Uint8Array([7]) });
  t.strictSame(
    await say(
      connect,
      mqtt.encode("subscribe", { packetId: 1, topics }),
      publish,
      mqtt.encode("unsubscribe", { packetId: 2, filters: ["a"] }),
      publish,
      mqtt.encode("pingreq"),
      mqtt.encode("disconnect"),
    ),
    [
      ["connack", 0, 0],
      ["suback", 1, [0, 0x80]],
      ["publish", "a", undefined, new Uint8Array([7])],
      ["unsuback", 2],
      ["pingresp"],
    ],
  );
  t.strictSame(await say(publish), [], "CONNECT comes first");
  t.strictSame(await say(connect, connect), [["connack", 0, 0], ["connack", 0, 0]], "only once");
  const level5 = connect.slice();
  level5[8] = 5;
  t.strictSame(await say(level5), [["connack", 0, 1]]);
  const wildcard = mqtt.encode("publish", { topic: "a/#" });
  t.strictSame(await say(connect, wildcard), [["connack", 0, 0]]);
});

t.test("filters match as the standard says", (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["a", "a", true],
    ["a", "A", false],
    ["a/b", "a", false],
    ["a", "a/b", false],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["#", "a/b", true],
    ["+", "a", true],
    ["+", "/a", false],
    ["/+", "/a", true],
    ["+/+", "/a", true],
    ["a/+/c", "a/b/c", true],
    ["a/+/c", "a/b/d", false],
    ["a/+", "a", false],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
  ];
  for (const [filter, topic, match] of cases) {
    t.equal(matches(filter, topic), match, `${filter} and ${topic}`);
  }
  for (const filter of ["a/+/b", "#", "+", "a//b", "/"]) t.ok(isFilter(filter), filter);
  for (const filter of ["", "a#", "#/a", "a+/b", "a/#/b"]) t.notOk(isFilter(filter), filter);
  t.end();
});
