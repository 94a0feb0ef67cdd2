/**
 * What Cloudflare's workerd has: WebSocket in both directions, TCP by streams.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import {
  type Capabilities,
  checkScheme,
  refuseSocketOptions,
  refuseTlsOptions,
  TCP_ALONE,
} from "./capabilities.ts";
import type { ConnectTarget, Link, Transport } from "./link.ts";
import { codeOf, connectError } from "./net_errors.ts";
import { StreamLink, type StreamSocket } from "./stream_link.ts";
import { schemeOf } from "./url.ts";
import { connectGlobal } from "./web_socket_client.ts";

/** What workerd can do. It listens by `edge`: the runtime calls a Worker, which cannot choose a port. */
export const workerdCapabilities: Capabilities = {
  ...TCP_ALONE,
  runtime: "workerd",
  listen: [],
  connect: ["tcp", "tls", "ws", "wss"],
  zstd: hasZstd(),
};

/** Whether the Worker has `node:zlib`: by its compatibility date, or the flag `nodejs_compat`. */
function hasZstd(): boolean {
  const { process } = globalThis as {
    readonly process?: { getBuiltinModule?(name: string): object | undefined };
  };
  const zlib = process?.getBuiltinModule?.("node:zlib");
  return zlib !== undefined && "zstdCompressSync" in zlib;
}

/**
 * TCP and WebSocket of workerd, for clients. Cloudflare lets a Worker have six connections at once for
 * each request that it is called with, and has further ones wait: nothing counts them here, since a
 * module's variables are those of all requests.
 */
export const workerdTransport: Transport = {
  capabilities: workerdCapabilities,

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen({ tls, webSocketPath }) {
    const scheme = webSocketPath === undefined ? tls ? "tls" : "tcp" : "ws";
    checkScheme(workerdCapabilities, "listen", scheme);
    throw new FramewireError("UNSUPPORTED", "a Worker does not listen: export default edge(…)");
  },

  async connect(target: ConnectTarget): Promise<Link> {
    const { runtime } = workerdCapabilities;
    refuseTlsOptions(runtime, target);
    refuseSocketOptions(runtime, schemeOf({ ...target, secure: target.tls !== undefined }), target);
    if (target.webSocketPath !== undefined) return connectGlobal(target, { codeOf });
    return await connectSocket(target);
  },
};

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
  return new StreamLink(socket, tls === undefined ? "tcp" : "tls", { hostname, port });
}
