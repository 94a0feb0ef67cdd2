/**
 * A gateway between devices, which speak their own protocol, and operators, who speak HTTP.
 *
 *   deno run -A examples/devices/gateway.ts [device port] [operator port] [seconds of a heartbeat]
 */
import process from "node:process";
import { serve } from "framewire";
import { Device, type DeviceConn } from "./device_book.ts";
import { isKeyOf } from "./keys.ts";
import { serveOperators } from "./operator.ts";
import { deviceProtocol } from "./protocol.ts";

const [port = "4300", operatorPort = "4301", heartbeatSeconds = "30"] = process.argv.slice(2);

const devices = new Map(
  ["M-0001", "M-0002", "M-0003"].map((serial) => [serial, new Device(serial)]),
);
const deviceOf = new Map<DeviceConn, Device>();

const server = await serve({
  port: Number(port),
  protocol: deviceProtocol,
  packetsBeforeAuth: ["login"], // all others are refused until the device has logged in
  heartbeatMs: Number(heartbeatSeconds) * 1000,
  on: {
    disconnect(conn, { message }) {
      const device = deviceOf.get(conn);
      if (device === undefined) return;
      deviceOf.delete(conn);
      device.left(conn);
      console.log(`${device.serial} has left: ${message}`);
    },
    error: ({ code, message }) => console.error(code, message),
    refuse: ({ gate, remote, message }) => console.error(gate, remote.hostname, message),
  },
}, {
  login({ serial, key }, conn) {
    const device = devices.get(serial);
    if (device === undefined) return { packet: "rejected", reason: "unknownDevice" };
    if (!isKeyOf(serial, key)) return { packet: "rejected", reason: "wrongKey" };
    conn.authenticated(serial);
    deviceOf.set(conn, device);
    queueMicrotask(() => device.cameBy(conn)); // what waits for it leaves behind the answer
    console.log(`${serial} has logged in`);
    return { packet: "accepted", reportEverySeconds: 10 };
  },

  telemetry({ at, readings }, conn) {
    deviceOf.get(conn)!.latest = { at, readings };
    return {};
  },
});
const operators = await serveOperators(Number(operatorPort), devices);
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
console.log(`operators: http://127.0.0.1:${operators}/devices`);
