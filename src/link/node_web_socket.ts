/**
 * WebSocket on Node, by the package `ws`: Node has a client since version 22, and no server.
 *
 * @module
 */
import type * as http from "node:http";
import type * as net from "node:net";
import type * as tls from "node:tls";
import { FramewireError } from "../errors.ts";
import type { TlsClientOptions } from "../options/tls.ts";
import { WEB_SOCKET_DEFAULTS } from "../options/web_socket.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { checkAuthorities, checkIdentity, versionOf } from "./certificates.ts";
import { refuseSocketOptions } from "./capabilities.ts";
import { socketOptions } from "./node_tcp.ts";
import type { ConnectTarget, Link, Listener, ListenerEvents, ListenTarget } from "./link.ts";
import { acceptError, codeOf, formatAddress, listenError } from "./net_errors.ts";
import { infoOf } from "./tls_info.ts";
import { type ClientSocket, connectGlobal, connectWebSocket } from "./web_socket_client.ts";
import { PIECE_BYTES, type StandardSocket, SUBPROTOCOL, WebSocketLink } from "./web_socket_link.ts";
import { refuseUpgrade, REQUEST_MS } from "./web_socket_upgrade.ts";

/** The part of `ws` that is used here; the package brings no types of its own. */
interface WsModule {
  readonly WebSocket: new (url: string, protocols: string[], options: object) => WsSocket;
  readonly WebSocketServer: new (options: object) => {
    handleUpgrade(
      request: UpgradeRequest,
      socket: unknown,
      head: unknown,
      done: (socket: WsSocket) => void,
    ): void;
  };
}

interface WsSocket extends Omit<ClientSocket, "send"> {
  send(data: Uint8Array, done?: (error?: Error | null) => void): void;
}

/** A link over a socket of `ws`. */
class WsLink extends WebSocketLink {
  #failure: unknown;

  /** `ws` sends from the memory it is given. */
  protected override send(bytes: Uint8Array): void {
    // What has been sent before an end is in order may leave after `write` has returned.
    (this.socket as WsSocket).send(bytes, () => {});
  }

  protected override transmit(bytes: Uint8Array): boolean {
    let from = 0;
    for (; bytes.length - from > PIECE_BYTES; from += PIECE_BYTES) {
      this.send(bytes.subarray(from, from + PIECE_BYTES));
    }
    (this.socket as WsSocket).send(bytes.subarray(from), this.#sent);
    return false;
  }

  readonly #sent = (error?: Error | null): void => {
    if (!error && !this.isClosed) this.receiver?.written();
  };

  protected override failed(event: unknown): void {
    this.#failure = (event as { readonly error?: unknown }).error ?? event;
  }

  protected override causeOf(code: number, reason: string): Error | undefined {
    const cause = this.#failure as
      | { readonly code?: unknown; readonly message?: string }
      | undefined;
    if (cause === undefined || !/^WS_ERR/.test(String(cause.code))) {
      return super.causeOf(code, reason);
    }
    const where = formatAddress(this.remote.hostname, this.remote.port);
    const message = `the WebSocket with ${where} was closed: ${cause.message}`;
    return new FramewireError("WEBSOCKET_FAILED", message, { cause });
  }
}

/** Loads `ws`; undefined where it is not installed. */
async function findWs(): Promise<WsModule | undefined> {
  try {
    const { default: WebSocket, WebSocketServer } = await import("ws");
    return { WebSocket, WebSocketServer } as unknown as WsModule;
  } catch {
    return undefined;
  }
}

function optionsOf({ webSocket }: ConnectTarget | ListenTarget) {
  const { maxMessageBytes } = { ...WEB_SOCKET_DEFAULTS, ...webSocket };
  return { perMessageDeflate: false, maxPayload: maxMessageBytes, skipUTF8Validation: true };
}

/** Connects by `ws`, whose reading can be paused; without it by the global of Node 22. */
export async function connectWs(target: ConnectTarget): Promise<Link> {
  const ws = await findWs();
  const { tls } = target;
  if (ws === undefined) {
    if (
      "WebSocket" in globalThis &&
      Object.keys(target.tls ?? {}).every((name) => name === "serverName")
    ) {
      refuseSocketOptions("Node without the package ws", tls === undefined ? "ws" : "wss", target);
      return connectGlobal(target, { codeOf });
    }
    const what = target.tls === undefined
      ? "WebSocket before Node 22"
      : "options of TLS over WebSocket";
    throw missing(what);
  }
  return connectWebSocket(target, (url, protocols) => {
    const options = {
      ...optionsOf(target),
      ...socketOptions(target),
      ...(tls && secureOptions(tls)),
      followRedirects: false,
    };
    const socket = new ws.WebSocket(url, protocols, options);
    socket.binaryType = "nodebuffer";
    return socket as unknown as ClientSocket;
  }, { wrap: WsLink, codeOf });
}

function secureOptions(options: TlsClientOptions): tls.ConnectionOptions {
  const { ca, cert, key, serverName } = options;
  checkAuthorities("tls.ca", ca);
  if (cert !== undefined && key !== undefined) checkIdentity("tls", { cert, key });
  return {
    minVersion: versionOf(options),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

function missing(what: string): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    `${what} needs the package ws on Node: npm install ws`,
  );
}

/** A request of `node:http` that would become something else. */
export interface UpgradeRequest {
  /** Its method. */
  readonly method?: string | undefined;
  /** Its path, with what follows a question mark. */
  readonly url?: string | undefined;
  /** Its headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The socket that it came over. */
  readonly socket: object;
}

/** Takes what the event `upgrade` of a server of `node:http` gives. */
export type Upgrade = (
  request: UpgradeRequest,
  socket: object,
  head: object,
  target: ListenTarget,
) => void;

/** Makes WebSockets of requests, by `ws`. */
function upgraderOf(
  ws: WsModule,
  limits: ListenTarget,
  accepted: (link: WebSocketLink) => void,
): Upgrade {
  const upgrader = new ws.WebSocketServer({
    ...optionsOf(limits),
    noServer: true,
    clientTracking: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  return (request, given, head, target) => {
    const socket = given as net.Socket;
    const refusal = refusalOf(request, target);
    if (refusal !== undefined) {
      const { status, text, headers } = refusal;
      const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) =>
        `${name}: ${value}\r\n`
      );
      socket.on("error", () => {}).end(`HTTP/1.1 ${status} \r\n${lines.join("")}\r\n${text}`);
      return;
    }
    upgrader.handleUpgrade(request, socket, head, (upgraded) => {
      upgraded.binaryType = "nodebuffer";
      const { remoteAddress, remotePort, localAddress, localPort } = request.socket as net.Socket;
      const isSecure = "encrypted" in request.socket && request.socket.encrypted === true;
      const ends = {
        transport: isSecure ? "wss" : "ws",
        remote: { hostname: remoteAddress ?? "", port: remotePort ?? 0 },
        local: { hostname: localAddress ?? "", port: localPort ?? 0 },
        // Bun's socket of a request knows nothing of its TLS.
        ...(isSecure && "getPeerCertificate" in request.socket &&
          { tls: infoOf(request.socket as tls.TLSSocket) }),
      } as const;
      accepted(new WsLink(upgraded as unknown as StandardSocket, ends, target.webSocket));
    });
  };
}

/** Loads what makes WebSockets of the requests of a program's own server. */
export async function loadUpgrade(
  limits: ListenTarget,
  accepted: (link: WebSocketLink) => void,
): Promise<Upgrade> {
  const ws = await findWs();
  if (ws === undefined) throw missing("taking WebSockets");
  return upgraderOf(ws, limits, accepted);
}

/** Listens for WebSockets at one path of HTTP, or of HTTPS. */
export async function listenWs(target: ListenTarget, events: ListenerEvents): Promise<Listener> {
  const ws = await findWs();
  if (ws === undefined) throw missing("listening for WebSockets");
  const { hostname, port, backlog } = target;
  const queue = new AcceptQueue(events, backlog);
  const settings = {
    ...socketOptions(target),
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: 1000,
    connectionsCheckingInterval: 1000,
  };
  let reload: Listener["reloadTls"];
  let server: http.Server;
  if (target.tls === undefined) {
    const { createServer } = await import("node:http");
    server = createServer(settings);
  } else {
    const [{ createServer }, { serverContexts }] = await Promise.all([
      import("node:https"),
      import("./tls_contexts.ts"),
    ]);
    const contexts = serverContexts(target.tls);
    const secure = createServer({
      ...settings,
      ...contexts.options,
      handshakeTimeout: REQUEST_MS,
    });
    // A handshake has its own deadline here: the server's begins with the WebSocket.
    secure.on("tlsClientError", (_error, socket) => socket.destroy());
    // Bun's `node:https` has no such method, and then there is no reload.
    if ("setSecureContext" in secure) {
      reload = (tls) => contexts.reload(tls, (main) => secure.setSecureContext(main));
    }
    server = secure;
  }
  server.on("request", (request, response) => {
    const { status, text, headers } = refusalOf(request, target) ?? NO_UPGRADE;
    response.writeHead(status, headers).end(text);
  });
  const upgrade = upgraderOf(ws, target, (link) => queue.accepted(link));
  server.on("upgrade", (request, socket, head) => upgrade(request, socket, head, target));
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => reject(listenError(error, hostname, port));
    server.once("error", refuse);
    server.listen({ host: hostname, port, backlog }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  server.on("error", (error) => events.failed(acceptError(error)));
  const bound = server.address() as { readonly address: string; readonly port: number };
  return {
    address: { hostname: bound.address, port: bound.port },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close: async () => {
      queue.close();
      server.close();
      server.closeIdleConnections();
      await new Promise<void>((closed) => setImmediate(closed));
    },
    ...(reload !== undefined && { reloadTls: reload }),
  };
}

/** What is said to a request that would be a WebSocket, and is none. */
const NO_UPGRADE = { status: 426, text: "", headers: { connection: "close" } };

function refusalOf(request: UpgradeRequest, target: ListenTarget) {
  const { method = "", url = "", headers } = request;
  const header = (name: string) => String(headers[name] ?? "");
  return refuseUpgrade(method, url.split("?")[0]!, header, target);
}
