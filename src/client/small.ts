/**
 * A client that is one connection and speaks one protocol, which it is given: so that a bundle of it
 * holds that protocol and no other, and nothing of reconnecting, balancing, sessions and hellos.
 *
 * @module
 */
import { ownLimit, skipsOversize } from "../codec/frame_layout.ts";
import type { CodecChoice } from "../codec/lender.ts";
import type { Clock } from "../connection/clock.ts";
import { PlainConnection } from "../connection/plain_connection.ts";
import { FramewireError } from "../errors.ts";
import { checkScheme, TCP_ALONE } from "../link/capabilities.ts";
import type { Transport } from "../link/link.ts";
import { parseUrl, schemeOf } from "../link/url.ts";
import { type CallBoundOptions, CALLS } from "../options/calls.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import {
  choice,
  MAX_TIMER_MS,
  type OptionSpecs,
  resolve,
  unchecked,
  whole,
} from "../options/spec.ts";
import { type ClientProtocol, describe } from "../protocol/protocol.ts";
import { smallBook } from "../protocol/small_book.ts";
import { type Client, ConnectedClient } from "./client.ts";
import { smallCodecs } from "./small_codecs.ts";
import { connectWithin } from "./within.ts";

/** Options of the small client. They mean what they mean to every client. */
export interface SmallClientOptions extends CallBoundOptions {
  /**
   * How long connecting may take, in milliseconds: 1 to 2,147,483,647.
   *
   * @default {5000}
   */
  readonly connectTimeoutMs?: number;
  /**
   * The longest frame, received or sent, its header included, in bytes: 64 to 67,108,864.
   *
   * @default {the limit of the protocol's framing}
   */
  readonly maxFrameBytes?: number;
  /**
   * Which codec scans the stream. The one in WebAssembly has the scans for length fields; frames that
   * are cut otherwise are scanned in TypeScript in any case.
   *
   * @default {"auto"}
   */
  readonly codec?: CodecChoice;
  /** Told when a handler of what the server sends by itself failed. */
  readonly onError?: (error: FramewireError) => void;
  /** Gives up connecting when it aborts. */
  readonly signal?: AbortSignal;
  /** What carries the bytes; by default the runtime's `WebSocket`. */
  readonly transport?: Transport;
  /** Where time comes from; by default the system's clock. For tests. */
  readonly clock?: Clock;
}

/** What {@linkcode ConnectSmall} takes: the small client's options and its protocol. */
export interface ConnectSmallOptions<Calls> extends SmallClientOptions {
  /** The protocol to speak: an object, such as `submit` of `framewire/client`. */
  readonly protocol: ClientProtocol<Calls>;
}

/**
 * Connects to a server, once.
 *
 * Resolves when a connection stands. Rejects with a `FramewireError`: `CONNECTION_REFUSED`,
 * `CONNECT_TIMEOUT`, `TLS_FAILED`, `LINK_FAILED` (browsers do not tell why), `INVALID_OPTION`,
 * `UNSUPPORTED`; or with the reason of `signal`, when that aborts first. When the connection is lost,
 * `closed` tells, and the calls under way fail with what is known of each (`outcome`).
 */
export interface ConnectSmall {
  <Calls extends object>(
    url: string | URL,
    options: ConnectSmallOptions<Calls>,
  ): Promise<Client & Calls>;
}

const SPECS: OptionSpecs<SmallClientOptions> = {
  ...CALLS,
  connectTimeoutMs: whole(5000, 1, MAX_TIMER_MS),
  maxFrameBytes: whole(undefined, 64, 64 << 20),
  codec: choice("auto", ["auto", "wasm", "ts"]),
  onError: unchecked(),
  signal: unchecked(),
  transport: unchecked(),
  clock: unchecked(),
};

/** Makes the small client's `connect`. */
export function makeConnectSmall(usual: Transport): ConnectSmall {
  return async <Calls extends object>(
    url: string | URL,
    options: ConnectSmallOptions<Calls>,
  ): Promise<Client & Calls> => {
    const { protocol, ...given } = options;
    if (typeof protocol?.client !== "function") throw noProtocol(protocol);
    const { signal, transport = usual, ...resolved } = resolve("connect", given, SPECS);
    if (skipsOversize(protocol.framing)) {
      const message =
        'the small client has no onOversize: "skip"; connect of the other entries has';
      throw new FramewireError("UNSUPPORTED", message);
    }
    const target = parseUrl(url);
    checkScheme(transport.capabilities ?? TCP_ALONE, "connect", schemeOf(target));
    const settled = {
      maxFrameBytes: ownLimit(protocol.framing),
      ...resolved,
      ...UNASKED,
    } as ResolvedClientOptions;
    const codecs = smallCodecs(settled.codec);
    const { secure, ...where } = target;
    const loading = protocol.load?.();
    if (loading !== undefined) await loading;
    const link = await connectWithin(target, settled, signal, (giveUp) =>
      transport.connect({
        ...where,
        noDelay: true,
        keepAliveMs: 0,
        ...(secure && { tls: {} }),
        signal: giveUp,
      }));
    const client = new ConnectedClient(link, settled, protocol, {
      connection: PlainConnection,
      book: smallBook,
      codecs: () => codecs,
    });
    return Object.assign(client, protocol.calls(() => client.endpoint()));
  };
}

/** What every client is told, and the small one is not asked. */
const UNASKED = { hello: "off", writeMode: "batch", lingerMs: 2000 } as const;

function noProtocol(given: unknown): FramewireError {
  return new FramewireError(
    "INVALID_OPTION",
    "protocol must be a protocol itself, such as `submit` of framewire/client or what " +
      `defineProtocol returns, and is ${describe(given)}`,
  );
}
