/**
 * Addresses as users write them.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";

/** Where to connect. */
export interface Target {
  /** Whether to speak TLS. */
  readonly secure?: boolean;
  /** IP address (IPv6 without brackets) or host name. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
}

/**
 * Reads `tcp://host:port` and `tls://host:port`.
 *
 * @throws FramewireError INVALID_OPTION when it is anything else.
 */
export function parseUrl(url: string | URL): Target {
  const text = String(url);
  const match = /^(tcp|tls):\/\/(\[[0-9a-fA-F:.]+\]|[^/:@?#[\]\s]+):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new FramewireError(
      "INVALID_OPTION",
      `the address must be tcp://HOST:PORT or tls://HOST:PORT, for example tcp://127.0.0.1:8888, and is ${
        JSON.stringify(text)
      }`,
    );
  }
  return {
    hostname: match[2]!.replace(/^\[|\]$/g, ""),
    port,
    ...(match[1] === "tls" && { secure: true }),
  };
}
