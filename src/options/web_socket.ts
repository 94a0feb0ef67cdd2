/**
 * Options of WebSocket.
 *
 * @module
 */
import { type OptionSpec, special } from "./spec.ts";

/** Limits of WebSocket, for URLs that begin with `ws://` or `wss://`. */
export interface WebSocketOptions {
  /**
   * The longest message that is taken, in bytes: 64 KiB to 1 GiB. Frames need not align with messages,
   * and this library sends none over 64 KiB. A longer one closes the connection with 1009 (a browser with 4009).
   *
   * @default {1048576}
   */
  readonly maxMessageBytes?: number;
  /**
   * Where the runtime cannot pause the reading of a WebSocket (Deno, browsers, Workers), what comes
   * while this side does not read is kept, up to so many bytes: 64 KiB to 1 GiB. Beyond, the
   * connection is closed with 1008 (a browser with 4008). A client that keeps to its window stays under it.
   *
   * @default {8388608}
   */
  readonly maxPausedBytes?: number;
  /**
   * Of servers: web pages of which origins may connect, such as `"https://example.com"`. Peers that
   * are no browser send no origin, and may always. Without it all may.
   */
  readonly origins?: readonly string[];
}

/** The defaults of {@linkcode WebSocketOptions}. */
export const WEB_SOCKET_DEFAULTS: {
  readonly maxMessageBytes: number;
  readonly maxPausedBytes: number;
} = { maxMessageBytes: 1 << 20, maxPausedBytes: 8 << 20 };

const MOST_BYTES = 1 << 30;
const LEAST_BYTES = 64 << 10;
const SIZES = ["maxMessageBytes", "maxPausedBytes"];

/** The spec of the option `webSocket`. */
export const WEB_SOCKET: OptionSpec<WebSocketOptions> = /* @__PURE__ */ special<WebSocketOptions>(
  wrong,
  {
    schema: {
      type: "object",
      properties: {
        maxMessageBytes: { type: "integer", minimum: LEAST_BYTES, maximum: MOST_BYTES },
        maxPausedBytes: { type: "integer", minimum: LEAST_BYTES, maximum: MOST_BYTES },
        origins: { type: "array", items: { type: "string" } },
      },
      additionalProperties: false,
    },
  },
);

function wrong(given: unknown): string | undefined {
  const shape = "{ maxMessageBytes, maxPausedBytes, origins }";
  if (typeof given !== "object" || given === null || Array.isArray(given)) return shape;
  const { origins, ...sizes } = given as Record<string, unknown>;
  for (const [name, size] of Object.entries(sizes)) {
    if (!SIZES.includes(name)) return `${shape} without ${name},`;
    const right = Number.isInteger(size) && (size as number) >= LEAST_BYTES &&
      (size as number) <= MOST_BYTES;
    if (size !== undefined && !right) {
      return `${shape} whose ${name} is a whole number from ${LEAST_BYTES} to ${MOST_BYTES}`;
    }
  }
  const areOrigins = Array.isArray(origins) && origins.every(isOrigin);
  return origins === undefined || areOrigins
    ? undefined
    : `${shape} whose origins are such as "https://example.com"`;
}

function isOrigin(given: unknown): boolean {
  return typeof given === "string" && /^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/.test(given);
}
