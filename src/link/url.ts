/**
 * Addresses as users write them: what carries a connection, and where.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Address } from "./link.ts";

/** What can carry a connection, as URLs name it. */
export type Scheme = "tcp" | "tls" | "ws" | "wss" | "unix";

/** All schemes. */
export const SCHEMES: readonly Scheme[] = ["tcp", "tls", "ws", "wss", "unix"];

/** Where a URL leads. */
export interface Target {
  /** Whether to speak TLS. */
  readonly secure?: boolean;
  /** IP address (IPv6 without brackets) or host name; with `unixPath` that path. */
  readonly hostname: string;
  /** Port; 0 with `unixPath`. */
  readonly port: number;
  /** The file of a Unix socket. */
  readonly unixPath?: string;
  /** Speaks WebSocket (RFC 6455), at this path of HTTP. */
  readonly webSocketPath?: string;
}

/** Where a URL asks to listen. */
export interface ListenUrl extends Target {
  /** The permissions of a Unix socket's file. */
  readonly unixMode?: number;
}

const NETWORK =
  /^(tcp|tls|wss?):\/\/(\[[0-9a-fA-F:.]+\]|[^/:@?#[\]\s]+)?(?::(\d{1,5}))?(\/[^\s?#]*)?$/;
const UNIX = /^unix:(?:\/\/(?=\/))?(\/(?!\/)[^?#\0]+?)(?:\?mode=([0-7]{3}))?$/;

/** The ports of HTTP and HTTPS, which WebSocket has too (RFC 6455, 3). */
const WEB_PORTS = { ws: 80, wss: 443 } as const;

/** What the URL of a client must be. */
const CONNECT_SHAPE =
  "tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH or unix:///PATH";
/** What the URL of a listener must be. */
const LISTEN_SHAPE =
  "tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH " +
  "(without HOST on the server's hostname) or unix:///PATH?mode=660";

/** What carries a connection to a target. */
export function schemeOf({ secure, unixPath, webSocketPath }: Target): Scheme {
  if (unixPath !== undefined) return "unix";
  if (webSocketPath !== undefined) return secure ? "wss" : "ws";
  return secure ? "tls" : "tcp";
}

/**
 * Reads a URL to connect to.
 *
 * @throws FramewireError INVALID_OPTION when it is none.
 */
export function parseUrl(url: string | URL): Target {
  const { unixMode, ...target } = parse(url, 1, undefined) ?? { unixMode: -1 };
  if (unixMode !== undefined || !("hostname" in target)) {
    throw new FramewireError(
      "INVALID_OPTION",
      `the address must be ${CONNECT_SHAPE}, for example tcp://127.0.0.1:8888, and is ` +
        JSON.stringify(String(url)),
    );
  }
  return target;
}

/**
 * Reads a URL to listen at; undefined when it is none.
 *
 * @param hostname Where those listen that name no host.
 */
export function parseListenUrl(url: string | URL, hostname: string): ListenUrl | undefined {
  return parse(url, 0, hostname);
}

/** What is wrong with a list of URLs to listen at, as options say it; undefined when nothing is. */
export function wrongListenUrls(given: unknown): string | undefined {
  const urls: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isUrl = (url: unknown) =>
    (typeof url === "string" || url instanceof URL) && parseListenUrl(url, "localhost");
  return urls.length > 0 && urls.every(isUrl)
    ? undefined
    : `a URL or several, each ${LISTEN_SHAPE}`;
}

/** @param leastPort 0 where a free port may be asked for. */
function parse(
  url: string | URL,
  leastPort: number,
  standard: string | undefined,
): ListenUrl | undefined {
  const text = String(url);
  const unix = UNIX.exec(text);
  if (unix !== null) {
    let unixPath: string;
    try {
      unixPath = decodeURIComponent(unix[1]!);
    } catch {
      return undefined;
    }
    const mode = unix[2];
    return {
      hostname: unixPath,
      port: 0,
      unixPath,
      ...(mode !== undefined && { unixMode: parseInt(mode, 8) }),
    };
  }
  const match = NETWORK.exec(text);
  if (match === null) return undefined;
  const [, scheme, host = standard, digits, path = "/"] = match;
  const isWeb = scheme === "ws" || scheme === "wss";
  const port = digits === undefined && isWeb ? WEB_PORTS[scheme] : Number(digits);
  if (host === undefined || !(port >= leastPort && port <= 65_535)) return undefined;
  if (!isWeb && path !== "/") return undefined;
  return {
    hostname: host.replace(/^\[|\]$/g, ""),
    port,
    ...((scheme === "tls" || scheme === "wss") && { secure: true }),
    ...(isWeb && { webSocketPath: path }),
  };
}

/** A target as a URL. */
export function formatUrl(target: Target, { hostname, port }: Address = target): string {
  const scheme = schemeOf(target);
  if (scheme === "unix") {
    return `unix://${target.unixPath!.split("/").map(encodeURIComponent).join("/")}`;
  }
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${scheme}://${host}:${port}${target.webSocketPath ?? ""}`;
}
