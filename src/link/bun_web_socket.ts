/**
 * WebSocket on Bun: a server by `Bun.serve`, whose sockets can be paused and tell when there is room again.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { WEB_SOCKET_DEFAULTS, type WebSocketOptions } from "../options/web_socket.ts";
import { AcceptQueue } from "./accept_queue.ts";
import type { Listener, ListenerEvents, ListenTarget } from "./link.ts";
import { formatAddress, listenError } from "./net_errors.ts";
import {
  HIGH_WATER_BYTES,
  type StandardSocket,
  SUBPROTOCOL,
  type WebSocketEnds,
  WebSocketLink,
} from "./web_socket_link.ts";
import { refuseUpgrade } from "./web_socket_upgrade.ts";

/** A socket of a server: what happens to it is told to handlers that all of them share. */
interface BunWebSocket {
  readonly data: Upgraded;
  send(bytes: Uint8Array): number;
  getBufferedAmount(): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** What a request leaves to its WebSocket. */
interface Upgraded {
  readonly ends: WebSocketEnds;
  readonly accepted: (link: WebSocketLink) => void;
  link?: BunWebSocketLink;
}

/** The part of the server of `Bun.serve` that is used. */
export interface BunServer {
  /** Makes a WebSocket of a request. */
  upgrade(request: Request, options: object): boolean;
  /** Who has sent it. */
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
}

interface OwnServer extends BunServer {
  readonly hostname: string;
  readonly port: number;
  stop(): Promise<void>;
  closeIdleConnections(): void;
}

/** How long a peer may be silent before Bun asks whether it is there, and cuts it, in seconds. */
const PING_AFTER_S = 60;

/** How long a peer may be silent before it has asked for its WebSocket, in seconds. */
const REQUEST_S = 10;

/** A server's socket as the standard has it. */
class ListenedSocket implements StandardSocket {
  readonly #socket: BunWebSocket;
  readonly #listeners = new Map<string, (event: never) => void>();

  constructor(socket: BunWebSocket) {
    this.#socket = socket;
  }

  get bufferedAmount(): number {
    return this.#socket.getBufferedAmount();
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener);
  }

  tell(type: "message" | "close", event: object): void {
    this.#listeners.get(type)!(event as never);
  }

  send(data: Uint8Array): void {
    this.#socket.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** A link over a socket of `Bun.serve`. */
class BunWebSocketLink extends WebSocketLink {
  readonly listened: ListenedSocket;
  readonly #maxMessageBytes: number;
  #waits = false;

  constructor(socket: ListenedSocket, ends: WebSocketEnds, limits: WebSocketOptions = {}) {
    super(socket, ends, limits);
    this.listened = socket;
    this.#maxMessageBytes = { ...WEB_SOCKET_DEFAULTS, ...limits }.maxMessageBytes;
  }

  protected override awaitRoom(): void {
    this.#waits = true;
  }

  /** Bytes have left. */
  drained(): void {
    if (!this.#waits || this.isClosed || this.unsentBytes! > HIGH_WATER_BYTES / 2) return;
    this.#waits = false;
    this.receiver?.written();
  }

  protected override causeOf(code: number, reason: string): Error | undefined {
    // Bun itself has told the peer 1009.
    if (!/too big/.test(reason)) return super.causeOf(code, reason);
    const where = formatAddress(this.remote.hostname, this.remote.port);
    const message = `the WebSocket with ${where} was closed: a message came of more than ` +
      `${this.#maxMessageBytes} bytes (maxMessageBytes)`;
    return new FramewireError("WEBSOCKET_FAILED", message);
  }
}

/** What `Bun.serve` takes as `websocket`. */
export type BunWebSocketHandlers = Readonly<Record<string, unknown>>;

/** The `websocket` of a `Bun.serve` whose requests {@linkcode upgradeBun} upgrades. */
export function webSocketHandlers(limits: WebSocketOptions = {}): BunWebSocketHandlers {
  const { maxMessageBytes } = { ...WEB_SOCKET_DEFAULTS, ...limits };
  return {
    maxPayloadLength: maxMessageBytes,
    perMessageDeflate: false,
    idleTimeout: PING_AFTER_S,
    sendPings: true,
    open(socket: BunWebSocket) {
      const { data } = socket;
      data.link = new BunWebSocketLink(new ListenedSocket(socket), data.ends, limits);
      data.link.pause();
      data.accepted(data.link);
    },
    message({ data: { link } }: BunWebSocket, message: unknown) {
      link!.listened.tell("message", { data: message });
    },
    drain({ data: { link } }: BunWebSocket) {
      link!.drained();
    },
    close({ data: { link } }: BunWebSocket, code: number, reason: string) {
      link!.listened.tell("close", { code, reason });
    },
  };
}

/** Makes a WebSocket of a request, or says why not; undefined when it is one. */
export function upgradeBun(
  request: Request,
  server: BunServer,
  target: ListenTarget,
  accepted: (link: WebSocketLink) => void,
): Response | undefined {
  const { pathname, protocol } = new URL(request.url);
  const header = (name: string) => request.headers.get(name);
  const refusal = refuseUpgrade(request.method, pathname, header, target);
  if (refusal !== undefined) {
    return new Response(refusal.text, { status: refusal.status, headers: refusal.headers });
  }
  const { address = "", port = 0 } = server.requestIP(request) ?? {};
  const ends: WebSocketEnds = {
    transport: protocol === "https:" ? "wss" : "ws",
    local: { hostname: target.hostname, port: target.port },
    remote: { hostname: address, port },
  };
  const data: Upgraded = { ends, accepted };
  const headers = { "sec-websocket-protocol": SUBPROTOCOL };
  return server.upgrade(request, { data, headers })
    ? undefined
    : new Response("this request cannot become a WebSocket\n", { status: 400 });
}

/** Listens for WebSockets at one path of HTTP. */
export async function listenWs(target: ListenTarget, events: ListenerEvents): Promise<Listener> {
  const { hostname, port, backlog, webSocket } = target;
  const queue = new AcceptQueue(events, backlog);
  const { Bun } = globalThis as unknown as {
    readonly Bun: { serve(options: object): OwnServer };
  };
  const bound = { ...target };
  let server: OwnServer;
  try {
    server = Bun.serve({
      hostname,
      port,
      idleTimeout: REQUEST_S,
      development: false,
      reusePort: false, // which is not what it does by itself outside of development
      fetch: (request: Request, self: BunServer) =>
        upgradeBun(request, self, bound, (link) => queue.accepted(link)),
      websocket: webSocketHandlers(webSocket),
    });
  } catch (error) {
    throw listenError(error, hostname, port);
  }
  Object.assign(bound, { hostname: server.hostname, port: server.port });
  await Promise.resolve();
  return {
    address: { hostname: server.hostname, port: server.port },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close: async () => {
      queue.close();
      // Its promise waits for the WebSockets that are open, which live on.
      void server.stop();
      server.closeIdleConnections();
      await new Promise<void>((closed) => setImmediate(closed));
    },
  };
}
