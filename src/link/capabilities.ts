/**
 * What a transport can do in its runtime.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { ConnectTarget, SocketOptions } from "./link.ts";
import { type Scheme, schemeOf, SCHEMES } from "./url.ts";

/** What a runtime can do. What it cannot is refused with `UNSUPPORTED`, and never left out in silence. */
export interface Capabilities {
  /** The runtime's name, for messages. */
  readonly runtime: string;
  /** What `serve` can listen on, by the schemes of URLs. */
  readonly listen: readonly Scheme[];
  /** What `connect` can go over, by the schemes of URLs. */
  readonly connect: readonly Scheme[];
  /**
   * Whether connections of TCP can come in at all: by `serve` where `listen` has `"tcp"`, in workerd by
   * `edge`, whose `connect` handler takes them.
   */
  readonly inboundTcp: boolean;
  /** Whether servers can ask clients for certificates, on `tls://`. */
  readonly mutualTls: boolean;
  /** Whether several processes can listen on one port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  /** Whether the time of TCP keepalive can be set. */
  readonly keepAliveTime: boolean;
  /** Whether the reading of a WebSocket can be paused; where not, what comes meanwhile is kept, up to a limit. */
  readonly pausesWebSocket: boolean;
  /** Whether TCP is read into memory of this library, without a copy in between. */
  readonly zeroCopyRead: boolean;
  /** Whether zstd is built in, for the compression of defined protocols. */
  readonly zstd: boolean;
  /** Whether `node:sqlite` is there, for sessions that outlive the process. */
  readonly sqlite: boolean;
}

/** What a transport can do that does not say what it can. */
export const TCP_ALONE: Capabilities = {
  runtime: "this transport",
  listen: ["tcp"],
  connect: ["tcp"],
  inboundTcp: true,
  mutualTls: false,
  reusePort: false,
  keepAliveTime: false,
  pausesWebSocket: false,
  zeroCopyRead: false,
  zstd: false,
  sqlite: false,
};

/** @throws FramewireError UNSUPPORTED when the runtime cannot do it, with what it can do instead. */
export function checkScheme(
  capabilities: Capabilities,
  role: "listen" | "connect",
  scheme: Scheme,
): void {
  const { runtime, [role]: can } = capabilities;
  if (can.includes(scheme)) return;
  const how = role === "listen" ? "listen on" : "connect over";
  const others = SCHEMES.filter((other) => can.includes(other)).map((other) => `${other}://`);
  const way = others.length === 0
    ? `it cannot ${role} at all`
    : `it can ${how} ${others.join(", ")}`;
  throw new FramewireError("UNSUPPORTED", `${runtime} cannot ${how} ${scheme}://; ${way}`);
}

/** @throws FramewireError UNSUPPORTED when options of sockets are asked for where there is no way to set them. */
export function refuseSocketOptions(
  runtime: string,
  scheme: Scheme,
  { noDelay = true, keepAliveMs = 0 }: SocketOptions,
): void {
  if (noDelay && keepAliveMs === 0) return;
  const [name, way] = noDelay
    ? ["keepAliveMs", "heartbeats (heartbeatMs) find a dead peer"]
    : ["noDelay", "writeMode puts writes together"];
  const message = `${runtime} cannot set ${name} over ${scheme}://: leave it out; ${way}`;
  throw new FramewireError("UNSUPPORTED", message);
}

/**
 * For runtimes whose TLS takes no options: they trust whom they trust, and show no certificate.
 *
 * @throws FramewireError UNSUPPORTED when there is one.
 */
export function refuseTlsOptions(runtime: string, target: ConnectTarget): void {
  const { serverName, ...others } = target.tls ?? {};
  const [name] = serverName !== undefined && serverName !== target.hostname
    ? ["serverName"]
    : Object.keys(others);
  if (name === undefined) return;
  const scheme = schemeOf({ ...target, secure: true });
  const message = `${runtime} cannot connect over ${scheme}:// with tls.${name}: leave it out; ` +
    "it trusts the authorities that it knows";
  throw new FramewireError("UNSUPPORTED", message);
}
