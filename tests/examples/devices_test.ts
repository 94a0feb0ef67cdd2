/** The device gateway: devices by their own protocol, operators by HTTP. */

import * as net from "node:net";
import process from "node:process";
import t from "tap";
import { deviceProtocol } from "../../examples/devices/protocol.ts";
import { posix } from "../cli/command.ts";
import { connect } from "../helpers/runtime.ts";
import { startExample } from "./program.ts";

interface Test {
  teardown(end: () => void): void;
}

/** What operators are told of a device. */
interface DeviceState {
  readonly online: boolean;
  readonly latest?: { readonly at: number; readonly readings: readonly unknown[] };
  readonly waiting: number;
  readonly commands: readonly { readonly state: string; readonly reason?: string }[];
}

const PATIENCE_MS = 60_000;

async function startGateway(t: Test, ports: readonly string[] = ["0", "0"], heartbeat = "30") {
  const running = startExample(t, "devices/gateway.ts", [...ports, heartbeat]);
  const [, port = ""] = await running.wrote("stdout", /listening on \S+:(\d+)/);
  const [, operators = ""] = await running.wrote("stdout", /operators: (\S+)/);
  const get = async (serial: string) =>
    await (await fetch(`${operators}/${serial}`)).json() as DeviceState;
  return {
    running,
    url: `tcp://127.0.0.1:${port}`,
    ports: [port, new URL(operators).port],
    get,
    /** Orders a command. @returns The status of HTTP. */
    order: async (serial: string, command: unknown) => {
      const body = typeof command === "string" ? command : JSON.stringify(command);
      const answer = await fetch(`${operators}/${serial}/commands`, { method: "POST", body });
      await answer.text();
      return answer.status;
    },
    /** Looks at a device until it is as expected. */
    until: async (serial: string, holds: (device: DeviceState) => boolean) => {
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const device = await get(serial);
        if (holds(device)) return device;
        if (performance.now() > deadline) throw new Error(JSON.stringify(device));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

const startDevice = (t: Test, serial: string, url: string) =>
  startExample(t, "devices/device.ts", [serial, url, "0.05"]);

t.test("commands wait for a device that is offline, and are carried out once", async (t) => {
  const gateway = await startGateway(t);
  t.match(await gateway.get("M-0001"), { online: false, waiting: 0 });
  for (const on of [true, false, true]) {
    t.equal(await gateway.order("M-0001", { type: "switch", channel: 1, on }), 202);
  }
  t.equal(await gateway.order("M-0001", { type: "switch", channel: 9, on: true }), 202);
  t.match(await gateway.get("M-0001"), { online: false, waiting: 4 });
  const device = startDevice(t, "M-0001", gateway.url);
  // The gateway's commands may be there before the answer to the login.
  await device.wrote("stdout", /(switch 1 is (on|off)\n(logged in\n)?){3}/);
  const { commands } = await gateway.until("M-0001", ({ waiting }) => waiting === 0);
  t.match(commands, [
    { state: "done" },
    { state: "done" },
    { state: "done" },
    { state: "failed", reason: "noSuchChannel" },
  ]);
  await gateway.order("M-0001", { type: "switch", channel: 2, on: true });
  await gateway.until("M-0001", ({ latest }) => JSON.stringify(latest).includes("1000"));

  device.kill("SIGKILL");
  await gateway.until("M-0001", ({ online }) => !online);
  await gateway.order("M-0001", { type: "switch", channel: 1, on: false });
  t.match(await gateway.get("M-0001"), { waiting: 1 });
  const again = startDevice(t, "M-0001", gateway.url);
  await again.wrote("stdout", /switch 1 is off/);
});

t.test("a device comes back to a gateway that was restarted", async (t) => {
  const gateway = await startGateway(t);
  const device = startDevice(t, "M-0002", gateway.url);
  await device.wrote("stdout", /logged in/);
  gateway.running.kill("SIGKILL");
  await device.wrote("stdout", /the gateway is away/);
  const next = await startGateway(t, gateway.ports);
  await device.wrote("stdout", /away[^]*logged in/);
  await next.until("M-0002", ({ online, latest }) => online && latest !== undefined);
  await next.order("M-0002", { type: "reportEvery", seconds: 1 });
  await device.wrote("stdout", /reports every 1 s/);
});

t.test("a device that says nothing any more is offline soon", posix, async (t) => {
  const gateway = await startGateway(t, ["0", "0"], "1");
  const device = startDevice(t, "M-0003", gateway.url);
  await gateway.until("M-0003", ({ online }) => online);
  process.kill(device.child.pid!, "SIGSTOP");
  await gateway.until("M-0003", ({ online }) => !online);
  await gateway.running.wrote("stdout", /M-0003 has left: .*heartbeat/);
  process.kill(device.child.pid!, "SIGCONT");
  await gateway.until("M-0003", ({ online }) => online);
});

t.test("who is no device is told so, or cut", async (t) => {
  const gateway = await startGateway(t);
  const unknown = await startDevice(t, "M-0009", gateway.url).ended;
  t.match(unknown, { code: 1, stderr: /rejected: unknownDevice/ });
  const client = await connect(gateway.url, { protocol: deviceProtocol });
  const key = new Uint8Array(16);
  t.match(await client.call("login", { serial: "M-0001", key }), { reason: "wrongKey" });
  await t.rejects(client.call("telemetry", { at: 1, readings: [] }), { code: "RESULT_FAILED" });
  t.match(await gateway.get("M-0001"), { online: false, latest: undefined });
  await client.close();

  const frame = deviceProtocol.encode("login", { serial: "M-0001", key });
  frame[7]! ^= 1;
  const socket = net.connect({ port: Number(gateway.ports[0]), host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(frame);
  await new Promise((closed) => socket.resume().on("close", closed));
  await gateway.running.wrote("stderr", /CHECKSUM_MISMATCH/);
  t.equal(await gateway.order("M-0001", { type: "switch", channel: "1", on: true }), 400);
  t.equal(await gateway.order("M-0001", "{"), 400);
  t.equal(await gateway.order("M-0009", { type: "switch", channel: 1, on: true }), 404);
});
