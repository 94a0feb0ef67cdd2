/**
 * WebSocket on Deno: `Deno.upgradeWebSocket`, and the global client.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { TlsServerOptions } from "../options/tls.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { refuseSocketOptions } from "./capabilities.ts";
import type {
  Address,
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
} from "./link.ts";
import { listenHttp } from "./deno_http.ts";
import { codeOf } from "./net_errors.ts";
import { connectGlobal } from "./web_socket_client.ts";
import { type StandardSocket, SUBPROTOCOL, WebSocketLink } from "./web_socket_link.ts";
import { refuseUpgrade } from "./web_socket_upgrade.ts";

/** How long a peer may be silent before Deno asks whether it is there, and cuts it, in seconds. */
const PING_AFTER_S = 60;

/** What `Deno.serve` tells of a request besides it. */
export interface RequestInfo {
  /** Who has sent it. */
  readonly remoteAddr: unknown;
}

/** Makes a WebSocket of a request of `Deno.serve`, or says why not. */
export function upgradeDeno(
  request: Request,
  info: RequestInfo | undefined,
  target: ListenTarget,
  accepted: (link: WebSocketLink) => void,
): Response {
  const { pathname, protocol } = new URL(request.url);
  const header = (name: string) => request.headers.get(name);
  const refusal = refuseUpgrade(request.method, pathname, header, target);
  if (refusal !== undefined) {
    return new Response(refusal.text, { status: refusal.status, headers: refusal.headers });
  }
  // Asked now: an upgraded request does not know any more.
  const { hostname = "", port = 0 } = (info?.remoteAddr ?? {}) as Partial<Address>;
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: PING_AFTER_S });
  // Not by its option `protocol`: that finds a name in the list only behind a comma and a space.
  response.headers.set("sec-websocket-protocol", SUBPROTOCOL);
  socket.binaryType = "arraybuffer";
  const ends = {
    transport: protocol === "https:" ? "wss" : "ws",
    remote: { hostname, port },
    local: { hostname: target.hostname, port: target.port },
  } as const;
  const link = new WebSocketLink(socket as unknown as StandardSocket, ends, target.webSocket);
  socket.addEventListener("open", () => accepted(link));
  return response;
}

/** Listens for WebSockets at one path of HTTP, or of HTTPS. */
export function listenDeno(target: ListenTarget, events: ListenerEvents): Listener {
  const { backlog, tls } = target;
  if (tls !== undefined) checkTls(tls);
  refuseSocketOptions("Deno", tls === undefined ? "ws" : "wss", target);
  const queue = new AcceptQueue(events, backlog);
  const bound = { ...target };
  let open = 0;
  let allClosed = () => {};
  const accepted = (link: WebSocketLink) => {
    open++;
    link.onClosed = () => {
      if (--open === 0) allClosed();
    };
    queue.accepted(link);
  };
  const listener = listenHttp(
    target,
    events,
    (request, info) => upgradeDeno(request, info, bound, accepted),
    async () => {
      if (open > 0) await new Promise<void>((resolve) => allClosed = resolve);
    },
  );
  const { address } = listener;
  Object.assign(bound, { hostname: address.hostname, port: address.port });
  return {
    address: { hostname: address.hostname, port: address.port },
    pause() {
      listener.pause();
      queue.pause();
    },
    resume() {
      listener.resume();
      queue.resume();
    },
    close() {
      queue.close();
      return listener.close();
    },
  };
}

/** What Deno knows of TLS by itself is a certificate and its key. */
function checkTls(tls: TlsServerOptions): void {
  const { cert: _, key: __, alpn: ___, clientCertificate, minVersion, ...others } = tls;
  const [name] = Object.keys(others);
  const other = name ??
    (clientCertificate !== undefined && clientCertificate !== "none"
      ? "clientCertificate"
      : minVersion === "1.3"
      ? "minVersion"
      : undefined);
  if (other === undefined) return;
  throw new FramewireError(
    "UNSUPPORTED",
    `Deno cannot listen on wss:// with tls.${other}: leave it out, listen on tls://, or let a proxy ` +
      "speak TLS and listen on ws://",
  );
}

/** Connects by the global WebSocket, which on Deno can be given certificates. */
// deno-lint-ignore require-await -- so that what is thrown rejects
export async function connectDeno(target: ConnectTarget): Promise<Link> {
  refuseSocketOptions("Deno", target.tls === undefined ? "ws" : "wss", target);
  const { ca, cert, key, minVersion, serverName } = target.tls ?? {};
  const named = serverName !== undefined && serverName !== target.hostname
    ? "serverName"
    : undefined;
  const other = minVersion === "1.3" ? "minVersion" : named;
  if (other !== undefined) {
    const message =
      `Deno cannot connect over wss:// with tls.${other}: leave it out, or use tls://`;
    throw new FramewireError("UNSUPPORTED", message);
  }
  if (ca === undefined && cert === undefined) return connectGlobal(target, { codeOf });
  const client = Deno.createHttpClient({
    http2: false,
    ...(ca !== undefined && { caCerts: [ca] }),
    ...(cert !== undefined && { cert, key: key! }),
  } as Deno.CreateHttpClientOptions);
  return connectGlobal(target, { codeOf }, { client }).finally(() => client.close());
}
