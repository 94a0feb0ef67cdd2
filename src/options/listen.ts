/**
 * Options of where a server listens.
 *
 * @module
 */
import { wrongListenUrls } from "../link/url.ts";
import { flag, type OptionSpecs, special, text, whole } from "./spec.ts";
import { WEB_SOCKET, type WebSocketOptions } from "./web_socket.ts";

/** Where a server listens. */
export interface ListenOptions {
  /**
   * The address to listen on: an IP address or a host name. `"::"` listens on IPv6 and IPv4.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /**
   * The port to listen on: 0 to 65,535, where 0 picks a free one.
   *
   * @default {8888}
   */
  readonly port?: number;
  /**
   * Where to listen instead of `port`, one URL or several: `tcp://HOST:PORT`, `tls://HOST:PORT`,
   * `ws://HOST:PORT/PATH`, `wss://HOST:PORT/PATH` (without HOST on `hostname`), and `unix:///PATH`, with
   * `?mode=660` for the permissions of its file. All of them have the same handlers, limits and, where
   * they speak TLS, certificates.
   */
  readonly listen?: string | URL | readonly (string | URL)[];
  /**
   * How many connections may wait to be accepted: 1 to 65,535.
   *
   * @default {4096}
   */
  readonly backlog?: number;
  /**
   * Whether several processes may listen on the port, each for its part of the connections
   * (SO_REUSEPORT): on Linux, by Bun and by Node from 22.12 on. Elsewhere it is refused.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /** Limits of WebSocket, and who may connect by it: see {@linkcode WebSocketOptions}. */
  readonly webSocket?: WebSocketOptions;
}

/** The specs of {@linkcode ListenOptions}. */
export const LISTEN: OptionSpecs<ListenOptions> = {
  hostname: text("127.0.0.1", "an IP address or a host name"),
  port: whole(8888, 0, 65_535),
  listen: special<string | URL | readonly (string | URL)[]>(wrongListenUrls, {
    schema: { type: "array", items: { type: "string" }, minItems: 1 },
  }),
  backlog: whole(4096, 1, 65_535),
  reusePort: flag(false),
  webSocket: WEB_SOCKET,
};
