/**
 * A round trip to a server, by what it understands: Ping after a hello, a Conn where it knows none, or
 * an echo. And if it is not ours, what it is.
 *
 * @module
 */
import type { Client } from "../client/client.ts";
import type { Connect } from "../client/connect.ts";
import { parseUrl } from "../client/url.ts";
import { lengthField } from "../codec/framing.ts";
import { type FramewireError, isFramewireError } from "../errors.ts";
import { formatAddress } from "../link/net_errors.ts";
import { defineProtocol } from "../protocol/defined/define.ts";
import { bytes, u32, u8 } from "../protocol/defined/fields/mod.ts";
import type { Dial } from "./dial.ts";
import { CommandError, oneLine } from "./failure.ts";
import { firstWords, peerName, showBytes } from "./peer_name.ts";

/** A server that answers. */
export interface Answering {
  /** What it speaks, for people. */
  readonly what: string;
  readonly client: Client;
  /** Makes a round trip. */
  trip(): Promise<unknown>;
}

/** The two packets of `submit` that every server of it knows, and that do nothing. */
const handshake = defineProtocol({
  name: "submit",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
  header: { total: u32, command: u8, id: bytes(8) },
  kind: "command",
  packets: {
    conn: { kind: 0x01, from: "client", reply: "connAck" },
    connAck: { kind: 0x81, body: { result: u8 } },
  },
});

/**
 * Connects.
 *
 * @throws CommandError It is no server of the protocol; the message says what it is.
 */
export async function reach(
  connect: Connect,
  protocol: "submit" | "echo",
  { url, tls, token, timeoutMs }: Dial & { readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Answering> {
  const options = {
    signal,
    reconnect: false,
    connectTimeoutMs: timeoutMs,
    requestTimeoutMs: timeoutMs,
    ...(tls && { tls }),
  };
  try {
    if (protocol === "echo") {
      const client = await connect(url, { ...options, protocol: "echo" });
      const trip = () => client.echo("8 bytes.");
      await first(client, trip);
      return { what: "echo", client, trip };
    }
    const auth = token === undefined ? {} : { token };
    const client = await connect(url, { ...options, ...auth, hello: "auto" });
    const features = [...client.features()];
    if (features.includes("ping")) {
      return { what: `submit with ${features.join(", ")}`, client, trip: () => client.ping() };
    }
    await client.close({ deadlineMs: 0 });
    const plain = await connect(url, { ...options, protocol: handshake });
    const trip = () => plain.call("conn", {});
    await first(plain, trip);
    return { what: "submit without a hello", client: plain, trip };
  } catch (error) {
    if (signal.aborted) throw new CommandError("stopped before an answer came");
    if (!isFramewireError(error)) throw error;
    throw await explain(error, url, protocol, timeoutMs);
  }
}

/** The first round trip, which tells whether the server is one of the protocol. */
async function first(client: Client, trip: () => Promise<unknown>): Promise<void> {
  try {
    await trip();
  } catch (error) {
    await client.close({ deadlineMs: 0 });
    throw error;
  }
}

/** What an error says of the server. */
async function explain(
  error: FramewireError,
  url: string,
  protocol: "submit" | "echo",
  timeoutMs: number,
): Promise<CommandError> {
  const { hostname, port, secure } = parseUrl(url);
  const where = formatAddress(hostname, port);
  const not = `${where} is no server of the protocol ${protocol}`;
  const other = protocol === "submit" ? "echo" : "submit";
  switch (error.code) {
    case "CONNECTION_REFUSED":
      return new CommandError(`cannot connect to ${where}: nothing listens there`);
    case "UNAUTHENTICATED":
      return new CommandError(`${where} wants to know who calls (--token): ${error.message}`);
    case "TLS_FAILED":
      return new CommandError(
        oneLine(error.message) +
          (/certificate/.test(error.message) ? "" : "; perhaps it speaks no TLS (without --tls)"),
      );
    case "CONNECTION_RESET":
    case "CONNECTION_CLOSED":
    case "TRUNCATED":
      return new CommandError(
        `${not}: it closes the connection; perhaps it speaks ${other} (--protocol ${other})` +
          (secure ? "" : " or TLS (--tls)"),
      );
    case "CONNECT_TIMEOUT":
    case "DEADLINE_EXCEEDED": {
      const words = secure ? undefined : await firstWords(hostname, port, timeoutMs);
      if (words !== undefined && words.length > 0) return foreign(not, words);
      return new CommandError(
        words === undefined || secure
          ? `${where}: it takes connections and answers nothing within ${timeoutMs} ms (--timeout)`
          : `${where} did not answer within ${timeoutMs} ms (--timeout)`,
      );
    }
  }
  const bytes = firstBytesOf(error);
  return bytes === undefined ? new CommandError(oneLine(error.message)) : foreign(not, bytes);
}

/** It has answered something else. */
function foreign(not: string, bytes: Uint8Array): CommandError {
  const name = peerName(bytes);
  const hint = name === "TLS" ? ": try --tls" : "";
  return new CommandError(
    name === undefined
      ? `${not}: its answer begins with ${showBytes(bytes)}`
      : `${not}: it looks like ${name}${hint} (${showBytes(bytes)})`,
  );
}

/** The bytes that an error tells of, or one beneath it. */
function firstBytesOf(error: unknown): Uint8Array | undefined {
  for (let at = error; isFramewireError(at); at = at.cause) {
    if (at.firstBytes !== undefined && at.firstBytes.length > 0) return at.firstBytes;
  }
  return undefined;
}
