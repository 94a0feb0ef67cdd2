/**
 * The operators' side, by HTTP:
 *
 *   GET  /devices
 *   GET  /devices/SERIAL
 *   POST /devices/SERIAL/commands    {"type": "switch", "channel": 1, "on": true}
 *
 * It has no authentication: it listens on this machine only.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Device } from "./device_book.ts";
import type { Action } from "./protocol.ts";

const MOST_BODY_BYTES = 4096;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** @returns The port. */
export async function serveOperators(
  port: number,
  devices: ReadonlyMap<string, Device>,
): Promise<number> {
  const server = createServer((request, response) => {
    answer(request, devices).then(({ status, body }) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`${JSON.stringify(body, null, 2)}\n`);
    }, () => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function answer(
  request: IncomingMessage,
  devices: ReadonlyMap<string, Device>,
): Promise<Answer> {
  const { method, url = "" } = request;
  const [, root, serial, rest] = url.split("/");
  const refuse = (status: number, error: string): Answer => ({ status, body: { error } });
  if (root !== "devices") return refuse(404, "there are /devices");
  if (serial === undefined) return { status: 200, body: [...devices.values()].map(summary) };
  const device = devices.get(serial);
  if (device === undefined) return refuse(404, `there is no device ${serial}`);
  if (method === "GET" && rest === undefined) {
    return { status: 200, body: { ...summary(device), commands: device.commands } };
  }
  if (method !== "POST" || rest !== "commands") return refuse(404, "POST commands");
  const action = actionFrom(await textOf(request));
  if (action === undefined) return refuse(400, "a command is a switch or a reportEvery");
  return { status: 202, body: device.order(action) };
}

function summary({ serial, online, latest, commands }: Device) {
  const waiting = commands.filter(({ state }) => state === "waits").length;
  return { serial, online, latest, waiting };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
    if (text.length > MOST_BODY_BYTES) throw new Error("the body is too long");
  }
  return text;
}

/** What an operator wants, if it is something that a device can be told. */
function actionFrom(text: string): Action | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { type, channel, on, seconds } = (value ?? {}) as Record<string, unknown>;
  if (type === "switch" && isWhole(channel, 255) && typeof on === "boolean") {
    return { type, channel, on };
  }
  if (type === "reportEvery" && isWhole(seconds, 65_535)) return { type, seconds };
  return undefined;
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
