/**
 * A client's link over the WebSocket that the runtime has as a global.
 *
 * @module
 */
import { type ErrorCode, FramewireError } from "../errors.ts";
import type { ConnectTarget, Link } from "./link.ts";
import { formatUrl } from "./url.ts";
import { type StandardSocket, SUBPROTOCOL, WebSocketLink } from "./web_socket_link.ts";

/** A WebSocket that a client has made. */
export interface ClientSocket extends StandardSocket {
  binaryType: string;
  readonly protocol: string;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code?: number }) => void): void;
  addEventListener(type: "error", listener: (event: unknown) => void): void;
}

/** What suits a runtime's WebSocket. */
export interface WebSocketParts {
  /** The class of its links. */
  readonly wrap?: typeof WebSocketLink;
  /** The code of what the runtime says is beneath a failure to connect. */
  readonly codeOf?: (cause: unknown) => ErrorCode;
}

/** This side's end: no runtime tells it. */
const HERE = { hostname: "", port: 0 };

/**
 * Connects by a WebSocket.
 *
 * @param make Makes it, to give its bytes as an ArrayBuffer or a Uint8Array.
 */
export function connectWebSocket(
  target: ConnectTarget,
  make: (url: string, protocols: string[]) => ClientSocket,
  { wrap = WebSocketLink, codeOf = () => "LINK_FAILED" }: WebSocketParts = {},
): Promise<Link> {
  return new Promise<Link>((resolve, reject) => {
    const { hostname, port, signal, webSocket } = target;
    const url = formatUrl({ ...target, secure: target.tls !== undefined });
    let socket: ClientSocket;
    try {
      socket = make(url, [SUBPROTOCOL]);
    } catch (cause) {
      const message = `cannot connect to ${url}: ${(cause as Error).message}`;
      reject(new FramewireError("INVALID_OPTION", message, { cause }));
      return;
    }
    let failure: unknown;
    const abort = () => socket.close();
    signal?.addEventListener("abort", abort, { once: true });
    socket.addEventListener("error", (event) => failure ??= event);
    socket.addEventListener("close", () => reject(connectError(failure, url, codeOf)));
    socket.addEventListener("open", () => {
      signal?.removeEventListener("abort", abort);
      if (socket.protocol !== SUBPROTOCOL) {
        reject(otherSubprotocol(url));
        socket.close();
        return;
      }
      const transport = target.tls === undefined ? "ws" : "wss";
      const ends = { transport, local: HERE, remote: { hostname, port } } as const;
      resolve(new wrap(socket, ends, webSocket));
    });
  });
}

function otherSubprotocol(url: string, cause?: unknown): FramewireError {
  const message = `${url} speaks WebSocket, but not the subprotocol ${SUBPROTOCOL}`;
  return new FramewireError("UNSUPPORTED", message, cause === undefined ? {} : { cause });
}

/** Runtimes differ in what they say, and browsers say nothing. */
function connectError(
  event: unknown,
  url: string,
  codeOf: (cause: unknown) => ErrorCode,
): FramewireError {
  const { error, message } = (event ?? {}) as {
    readonly error?: unknown;
    readonly message?: unknown;
  };
  const cause = error ?? event;
  const texts = [message, (error as Error | undefined)?.message].filter((text) =>
    typeof text === "string" && text !== ""
  );
  const said = [...new Set(texts)].join(": ");
  if (/subprotocol/.test(said)) return otherSubprotocol(url, cause);
  const inner = (error as { readonly cause?: unknown } | undefined)?.cause ?? error;
  const known = inner === undefined ? "LINK_FAILED" : codeOf(inner);
  const code = /refused|tcp connect error/i.test(said) // the latter is all that Deno says
    ? "CONNECTION_REFUSED"
    : /certificate|TLS handshake|SSL|UnknownIssuer/.test(said)
    ? "TLS_FAILED"
    : known;
  const why = said === "" ? "the runtime tells no reason" : said;
  const text = `cannot connect to ${url}: ${why}`;
  return new FramewireError(code, text, cause === undefined ? {} : { cause });
}

/**
 * Connects by the global `WebSocket` of the runtime.
 *
 * @param options What it takes beside the protocols, on Deno.
 */
export function connectGlobal(
  target: ConnectTarget,
  parts?: WebSocketParts,
  options?: object,
): Promise<Link> {
  const { WebSocket } = globalThis as unknown as {
    readonly WebSocket: new (url: string, protocols: unknown) => ClientSocket;
  };
  return connectWebSocket(target, (url, protocols) => {
    // Deno takes an object in place of the list, with more than the list in it.
    const socket = new WebSocket(
      url,
      options === undefined ? protocols : { protocols, ...options },
    );
    socket.binaryType = "arraybuffer";
    return socket;
  }, parts);
}
