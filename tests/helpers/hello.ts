/**
 * Peers that say hello by hand, and frames of `submit` with its features, built independently of the
 * library's endpoints.
 *
 * @module
 */

import type { Server } from "../../src/server/server.ts";
import { bytesOf, CONN, CONN_ACK, frame, join, toHex, u32 } from "./frames.ts";
import { type listen, type Peer, peerTo } from "./peer.ts";
import type { Setting } from "./settings.ts";

export const REQUEST = 0x03;
export const CANCEL = 0x04;
export const PING = 0x05;
export const PUSH = 0x06;
export const GO_AWAY = 0x07;
export const CREDIT = 0x08;
export const RESPONSE = 0x83;
export const PONG = 0x85;
export const PUSH_ACK = 0x86;

/** A Conn with a hello; `members` may be anything, to be refused. */
export function hello(members: object | string = {}, id: number | string = 0): Uint8Array {
  const body = typeof members === "string" ? members : JSON.stringify({ version: 1, ...members });
  return frame(CONN, id, body);
}

/** A frame as it came. */
export interface Came {
  readonly command: number;
  readonly id: string;
  readonly body: Uint8Array;
  /** All of it. */
  readonly bytes: Uint8Array;
}

/** A peer that reads frame by frame. */
export class FramePeer {
  readonly peer: Peer;
  #at = 0;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  write(bytes: Uint8Array): void {
    this.peer.write(bytes);
  }

  /** The next frame; undefined when the stream has ended. */
  async next(): Promise<Came | undefined> {
    const header = (await this.peer.read(this.#at + 4)).subarray(this.#at);
    if (header.length < 4) return undefined;
    const total = new DataView(header.buffer, header.byteOffset).getUint32(0);
    const bytes = (await this.peer.read(this.#at + total)).slice(this.#at);
    this.#at += total;
    return {
      command: bytes[4]!,
      id: String.fromCharCode(...bytes.subarray(5, 13)),
      body: bytes.subarray(13),
      bytes,
    };
  }

  /** The next frame in few words: command, id, body in hexadecimal digits; "end" behind the last. */
  async says(): Promise<string> {
    const came = await this.next();
    if (came === undefined) return "end";
    const hex = (bytes: Uint8Array) =>
      Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex(Uint8Array.of(came.command))} ${came.id} ${hex(came.body)}`.trim();
  }

  /** Says hello and reads the welcome; the result must be 0. */
  async greet(members: object = {}): Promise<Record<string, unknown>> {
    this.write(hello(members));
    const ack = await this.next();
    if (ack?.command !== CONN_ACK || ack.body[0] !== 0) {
      throw new Error(`a welcome expected, got ${ack?.command} ${ack?.body}`);
    }
    return JSON.parse(new TextDecoder().decode(ack.body.subarray(1)));
  }
}

/** A peer of a server that reads frame by frame. */
export async function framePeer(server: Server, setting: Setting): Promise<FramePeer> {
  return new FramePeer(await peerTo(server.addr.port, setting.transport));
}

/** A peer that has said hello and offered `features`. */
export async function greeted(
  server: Server,
  setting: Setting,
  features: readonly string[] = [],
): Promise<FramePeer> {
  const peer = await framePeer(server, setting);
  await peer.greet({ features });
  return peer;
}

const WELCOME = `\0${JSON.stringify({ version: 1, features: ["request", "ping", "drain"] })}`;

/** The next peer of a server played by hand, once its hello has come and is answered with this ConnAck. */
export async function answers(
  server: Awaited<ReturnType<typeof listen>>,
  ackBody: string = WELCOME,
): Promise<FramePeer> {
  const peer = new FramePeer(await server.next());
  await peer.next();
  peer.write(frame(CONN_ACK, 0, ackBody));
  return peer;
}

/** A Request. */
export function request(
  id: number | string,
  payload: string | Uint8Array,
  timeoutMs = 0,
): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const body = new Uint8Array(4 + bytes.length);
  body.set(u32(timeoutMs));
  body.set(bytes, 4);
  return frame(REQUEST, id, body);
}

/** A Response as {@linkcode FramePeer.says} tells it. */
export function response(id: number, result: number, text = ""): string {
  const hex = Array.from(
    new TextEncoder().encode(text),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  return `83 ${String(id).padStart(8, "0")} 0${result}${hex.join("")}`;
}

/** A GoAway as {@linkcode FramePeer.says} tells it. */
export function goAway(
  lastId: string,
  notice: { readonly deadlineMs: number; readonly spreadMs: number; readonly reason: string },
): string {
  const { deadlineMs, spreadMs, reason } = notice;
  return `07 ${lastId} ${toHex(join(u32(deadlineMs), u32(spreadMs), bytesOf(reason)))}`;
}
