/**
 * HTTP on Deno for those who ask for a WebSocket: one request each, within a time.
 *
 * `Deno.serve` waits for a request as long as the peer likes, and tells nothing of connections that have sent
 * none. What is left of that: a TLS handshake that stalls cannot be cut, for Deno finishes it before it closes.
 *
 * @module
 */
import { type Clock, systemClock } from "../connection/clock.ts";
import { DeadlineQueue } from "../connection/deadline_queue.ts";
import { DenoListener } from "./deno_listener.ts";
import type { Listener, ListenerEvents, ListenTarget } from "./link.ts";
import { listenError } from "./net_errors.ts";
import { MOST_REQUESTS, REQUEST_MS } from "./web_socket_upgrade.ts";

/** Answers a request; a response of 101 makes its connection a WebSocket. */
export type HttpHandler = (
  request: Request,
  info: { readonly remoteAddr: Deno.NetAddr },
) => Response;

/** HTTP on one accepted connection. */
export interface HttpConn {
  /** The next request; null when the peer has left. */
  nextRequest(): Promise<
    { readonly request: Request; respondWith(response: Response): Promise<void> } | null
  >;
  /** Closes the connection. */
  close(): void;
}

/**
 * What Deno has for that: not in its declarations since Deno 2, for whom `Deno.serve` suffices. Where a
 * later version lacks it, that is used.
 */
function serveHttpOf(): ((conn: Deno.Conn) => HttpConn) | undefined {
  return (Deno as { serveHttp?: (conn: Deno.Conn) => HttpConn }).serveHttp;
}

/** A connection from which a request is awaited. */
interface Visit {
  /** The connection, and when its TLS handshake is over what speaks HTTP on it: closing that closes it. */
  carrier: { close(): void };
}

/** Connections from which requests are awaited, for a time, and not too many of them. */
export class HttpVisits {
  readonly #handler: HttpHandler;
  readonly #serveHttp: (conn: Deno.Conn) => HttpConn;
  readonly #waiting: DeadlineQueue<Visit>;

  constructor(
    serveHttp: (conn: Deno.Conn) => HttpConn,
    handler: HttpHandler,
    clock: Clock = systemClock,
  ) {
    this.#serveHttp = serveHttp;
    this.#handler = handler;
    this.#waiting = new DeadlineQueue(clock, () => REQUEST_MS, close);
  }

  /** Settles when the connection is closed, or a WebSocket. */
  async take(conn: Deno.Conn<Deno.NetAddr>): Promise<void> {
    if (this.#waiting.size >= MOST_REQUESTS) close(this.#waiting.endOldest()!);
    const visit: Visit = { carrier: conn };
    const begun = this.#waiting.begin(visit);
    let isUpgraded = false;
    try {
      (conn as Partial<Deno.TcpConn>).setNoDelay?.(true);
      await (conn as Partial<Deno.TlsConn>).handshake?.();
      isUpgraded = await this.#serve(conn, visit);
    } catch {
      // It has left, was too late, or speaks something else.
    }
    this.#waiting.end(begun);
    if (!isUpgraded) close(visit);
  }

  /** Returns whether the connection is a WebSocket now. */
  async #serve(conn: Deno.Conn<Deno.NetAddr>, visit: Visit): Promise<boolean> {
    const { remoteAddr } = conn;
    const http = this.#serveHttp(conn);
    visit.carrier = http;
    const event = await http.nextRequest();
    if (event === null) return false;
    const response = this.#handler(event.request, { remoteAddr });
    if (response.status !== 101) response.headers.append("connection", "close");
    await event.respondWith(response);
    if (response.status === 101) return true;
    await http.nextRequest(); // there is none: the response has left
    return false;
  }

  /** Closes those that have not asked. */
  close(): void {
    for (const visit of this.#waiting.close()) close(visit);
  }
}

function close({ carrier }: Visit): void {
  try {
    carrier.close();
  } catch {
    // It is closed already.
  }
}

/**
 * Listens for requests.
 *
 * @param unused Settles when no WebSocket is open that was made of one.
 */
export function listenHttp(
  target: ListenTarget,
  events: Pick<ListenerEvents, "failed">,
  handler: HttpHandler,
  unused: () => Promise<void>,
): Listener {
  const { hostname, port, backlog, tls } = target;
  const serveHttp = serveHttpOf();
  try {
    if (serveHttp === undefined) return serve(target, handler, unused);
    const visits = new HttpVisits(serveHttp, handler);
    const settings = { hostname, port, tcpBacklog: backlog };
    const accepting = {
      accepted: (conn: Deno.Conn<Deno.NetAddr>) => void visits.take(conn),
      failed: (error: Error) => events.failed(error),
    };
    const listener: Listener = tls === undefined
      ? new DenoListener(Deno.listen(settings), accepting)
      : new DenoListener(Deno.listenTls({ ...settings, cert: tls.cert, key: tls.key }), accepting);
    return {
      address: listener.address,
      pause: () => listener.pause(),
      resume: () => listener.resume(),
      close() {
        visits.close();
        return listener.close();
      },
    };
  } catch (error) {
    throw listenError(error, hostname, port);
  }
}

/** The same by `Deno.serve`. */
function serve(
  { hostname, port, tls }: ListenTarget,
  handler: HttpHandler,
  unused: () => Promise<void>,
): Listener {
  let closing = false;
  const settings = { hostname, port, onListen() {}, ...(tls && { cert: tls.cert, key: tls.key }) };
  const server = Deno.serve(settings, (request, info) => {
    if (!closing) return handler(request, info as { remoteAddr: Deno.NetAddr });
    const headers = { connection: "close" };
    return new Response("the server is shutting down\n", { status: 503, headers });
  });
  return {
    address: server.addr,
    pause() {},
    resume() {},
    async close() {
      closing = true;
      // `shutdown` closes the WebSockets that are open, where a drain lets them end by themselves: until
      // then the address stays in use, and who comes is told.
      await unused();
      await server.shutdown();
    },
  };
}
