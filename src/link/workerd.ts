/**
 * What Cloudflare's workerd has: WebSocket in both directions, TCP by streams.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type Capabilities, checkScheme, TCP_ALONE } from "./capabilities.ts";
import type { ConnectTarget, Link, Transport } from "./link.ts";
import { codeOf, connectError } from "./net_errors.ts";
import { StreamLink, type StreamSocket } from "./stream_link.ts";
import { connectGlobal } from "./web_socket_client.ts";

/** What workerd can do. It listens by `edge`: the runtime calls a Worker, which cannot choose a port. */
export const workerdCapabilities: Capabilities = {
  ...TCP_ALONE,
  runtime: "workerd",
  listen: [],
  connect: ["tcp", "tls", "ws", "wss"],
  zstd: true,
};

/** How many sockets a Worker may have open at once. */
const MOST_SOCKETS = 6;

/** The sockets that are open, and who waits for one. */
let open = 0;
const waiting: (() => void)[] = [];

/** TCP and WebSocket of workerd, for clients. */
export const workerdTransport: Transport = {
  capabilities: workerdCapabilities,

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen({ tls, webSocketPath }) {
    const scheme = webSocketPath === undefined ? tls ? "tls" : "tcp" : "ws";
    checkScheme(workerdCapabilities, "listen", scheme);
    throw new FramewireError("UNSUPPORTED", "a Worker does not listen: export default edge(…)");
  },

  async connect(target: ConnectTarget): Promise<Link> {
    if (target.webSocketPath !== undefined) return connectGlobal(target, { codeOf });
    checkTls(target);
    if (open >= MOST_SOCKETS) await new Promise<void>((resolve) => waiting.push(resolve));
    open++;
    try {
      return await connectSocket(target);
    } catch (error) {
      left();
      throw error;
    }
  },
};

function left(): void {
  open--;
  waiting.shift()?.();
}

interface SocketsModule {
  connect(
    address: { readonly hostname: string; readonly port: number },
    options: { readonly secureTransport: "on" | "off"; readonly allowHalfOpen: boolean },
  ): StreamSocket & { readonly opened: Promise<unknown> };
}

async function connectSocket({ hostname, port, tls, signal }: ConnectTarget): Promise<Link> {
  const name = "cloudflare:sockets"; // a name that no other runtime's tools may look for
  const { connect } = await import(name) as SocketsModule;
  const socket = connect({ hostname, port }, {
    secureTransport: tls === undefined ? "off" : "on",
    allowHalfOpen: true,
  });
  const abort = () => void socket.close().catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await socket.opened;
  } catch (cause) {
    const error = /refused|proxy request failed/i.test(String(cause))
      ? Object.assign(new Error(String(cause)), { code: "ECONNREFUSED" })
      : cause;
    throw connectError(error, hostname, port);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  const link = new StreamLink(socket, tls === undefined ? "tcp" : "tls", { hostname, port });
  link.onClosed = left;
  return link;
}

/** Workers trust whom Cloudflare trusts, and show no certificate. */
function checkTls({ tls, hostname }: ConnectTarget): void {
  const { serverName, ...others } = tls ?? {};
  const [name] = serverName !== undefined && serverName !== hostname
    ? ["serverName"]
    : Object.keys(others);
  if (name === undefined) return;
  throw new FramewireError(
    "UNSUPPORTED",
    `workerd cannot connect over tls:// with tls.${name}: leave it out; it trusts public authorities`,
  );
}
