/**
 * Connecting to a server.
 *
 * @module
 */
import { ownLimit } from "../codec/frame_layout.ts";
import { resolveCodec } from "../codec/lend.ts";
import { systemClock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import type { Link, Transport } from "../link/link.ts";
import {
  type ClientOptions,
  resolveClientOptions,
  type ResolvedClientOptions,
} from "../options/client.ts";
import { type CallsOf, chooseProtocol, type ProtocolChoice } from "../protocol/choice.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { type Client, ConnectedClient } from "./client.ts";
import { parseUrl, type Target } from "./url.ts";

/** What {@linkcode Connect} takes: the client's options and its protocol. */
export interface ConnectOptions<P extends ProtocolChoice = "submit"> extends ClientOptions {
  /**
   * The protocol to speak.
   *
   * @default {"submit"}
   */
  readonly protocol?: P;
}

/**
 * Connects to a server.
 *
 * Resolves when the connection stands. Rejects with a `FramewireError`: `CONNECTION_REFUSED`,
 * `CONNECT_TIMEOUT`, `HOST_UNREACHABLE`, `PERMISSION_DENIED`, `INVALID_OPTION`, `UNSUPPORTED`; or
 * with the reason of `signal`, when that aborts first.
 *
 * @example
 * ```ts
 * import { connect, serve } from "framewire";
 *
 * await using server = await serve({ port: 0, protocol: "echo" });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: "echo" });
 * const back = await client.echo("hello");
 * if (new TextDecoder().decode(back) !== "hello") throw new Error("hello expected");
 * ```
 */
export type Connect = <P extends ProtocolChoice = "submit">(
  url: string | URL,
  options?: ConnectOptions<P>,
) => Promise<Client & CallsOf<P>>;

/**
 * Makes the `connect` of a runtime.
 *
 * @param transport What carries bytes there by default.
 */
export function makeConnect(transport: Transport): Connect {
  return async <P extends ProtocolChoice = "submit">(
    url: string | URL,
    options: ConnectOptions<P> = {},
  ) => {
    const target = parseUrl(url);
    const protocol = chooseProtocol(options?.protocol ?? "submit") as Protocol<never, CallsOf<P>>;
    const resolved = resolveClientOptions(options, ownLimit(protocol.framing));
    resolveCodec(resolved.codec);
    const link = await dial(resolved.transport ?? transport, target, resolved);
    const client = new ConnectedClient(link, resolved, protocol);
    return Object.assign(client, protocol.calls(() => client.endpoint()));
  };
}

/** Connects within the deadline. A link that comes too late is closed. */
async function dial(
  transport: Transport,
  target: Target,
  options: ResolvedClientOptions,
): Promise<Link> {
  const { signal, connectTimeoutMs } = options;
  signal?.throwIfAborted();
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer = (options.clock ?? systemClock).after(connectTimeoutMs, () => {
    giveUp.abort(
      new FramewireError(
        "CONNECT_TIMEOUT",
        `tcp://${target.hostname}:${target.port} did not answer within ${connectTimeoutMs} ms ` +
          "(connectTimeoutMs)",
      ),
    );
  });
  try {
    const { noDelay, keepAliveMs } = options;
    return await new Promise<Link>((resolve, reject) => {
      giveUp.signal.addEventListener("abort", () => reject(giveUp.signal.reason), { once: true });
      transport.connect({ ...target, noDelay, keepAliveMs, signal: giveUp.signal }).then(
        (link) => giveUp.signal.aborted ? link.abort() : resolve(link),
        reject,
      );
    });
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}
