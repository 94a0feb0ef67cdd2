/**
 * Which requests of HTTP become WebSockets.
 *
 * @module
 */
import type { ListenTarget } from "./link.ts";
import { SUBPROTOCOL } from "./web_socket_link.ts";

/** How long a peer may take to ask for its WebSocket, TLS included, in milliseconds. */
export const REQUEST_MS = 10_000;

/** How many may be about to at once: beyond them the oldest is cut, for honest ones ask in a moment. */
export const MOST_REQUESTS = 1024;

/** A request that is answered and not upgraded. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Why a request does not become a WebSocket; undefined when it does.
 *
 * @param header A header's value by its name in lower case.
 */
export function refuseUpgrade(
  method: string,
  path: string,
  header: (name: string) => string | null | undefined,
  { webSocketPath, webSocket }: ListenTarget,
): UpgradeRefusal | undefined {
  const refuse = (status: number, text: string, headers = {}): UpgradeRefusal => ({
    status,
    text: `${text}\n`,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
  if (path !== webSocketPath) return refuse(404, "not found");
  if (method !== "GET" || header("upgrade")?.toLowerCase() !== "websocket") {
    return refuse(426, `connect by WebSocket with the subprotocol ${SUBPROTOCOL}`, {
      connection: "Upgrade",
      upgrade: "websocket",
    });
  }
  const offered = (header("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  if (!offered.includes(SUBPROTOCOL)) {
    return refuse(400, `offer the subprotocol ${SUBPROTOCOL} (Sec-WebSocket-Protocol)`);
  }
  const origin = header("origin");
  const origins = webSocket?.origins;
  if (origin && origins !== undefined && !origins.includes(origin)) {
    return refuse(403, `pages of ${origin} may not connect (origins)`);
  }
  return undefined;
}
