/**
 * What runtimes call the failures of sockets, in the library's codes.
 *
 * @module
 */
import { type ErrorCode, FramewireError } from "../errors.ts";

/** By Node's and libuv's code, and by the name of Deno's error class. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "ADDRESS_IN_USE",
  AddrInUse: "ADDRESS_IN_USE",
  EADDRNOTAVAIL: "ADDRESS_NOT_AVAILABLE",
  AddrNotAvailable: "ADDRESS_NOT_AVAILABLE",
  EAFNOSUPPORT: "ADDRESS_NOT_AVAILABLE",
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  PermissionDenied: "PERMISSION_DENIED",
  NotCapable: "PERMISSION_DENIED",
  ECONNREFUSED: "CONNECTION_REFUSED",
  ConnectionRefused: "CONNECTION_REFUSED",
  ECONNRESET: "CONNECTION_RESET",
  ConnectionReset: "CONNECTION_RESET",
  ECONNABORTED: "CONNECTION_RESET",
  ConnectionAborted: "CONNECTION_RESET",
  EPIPE: "CONNECTION_RESET",
  BrokenPipe: "CONNECTION_RESET",
  ENOTCONN: "CONNECTION_RESET",
  NotConnected: "CONNECTION_RESET",
  ETIMEDOUT: "CONNECTION_RESET",
  TimedOut: "CONNECTION_RESET",
  ENOTFOUND: "HOST_UNREACHABLE",
  EAI_AGAIN: "HOST_UNREACHABLE",
  EHOSTUNREACH: "HOST_UNREACHABLE",
  HostUnreachable: "HOST_UNREACHABLE",
  ENETUNREACH: "HOST_UNREACHABLE",
  NetworkUnreachable: "HOST_UNREACHABLE",
};

/** The code of a failure. */
export function codeOf(cause: unknown): ErrorCode {
  const { code, name, message } = cause as { code?: unknown; name?: unknown; message?: unknown };
  const known = CODES[String(code)] ?? CODES[String(name)];
  if (known !== undefined) return known;
  // Deno reports a failed name look-up as a plain Error.
  return /failed to lookup address|name or service not known|no such host/i.test(String(message))
    ? "HOST_UNREACHABLE"
    : "LINK_FAILED";
}

/** A failure on an open connection. */
export function linkError(cause: unknown, remote: string): FramewireError {
  const code = codeOf(cause);
  return code === "CONNECTION_RESET"
    ? new FramewireError(code, `the connection to ${remote} was reset`, { cause })
    : new FramewireError(code, `the connection to ${remote} failed: ${messageOf(cause)}`, {
      cause,
    });
}

/** Whether accepting failed because the peer had left already: the next one may be accepted at once. */
export function peerHasLeft(cause: unknown): boolean {
  return codeOf(cause) === "CONNECTION_RESET";
}

/** A failure to accept a connection. */
export function acceptError(cause: unknown): FramewireError {
  return new FramewireError(
    "ACCEPT_FAILED",
    `a connection could not be accepted: ${messageOf(cause)}`,
    { cause },
  );
}

/** A failure to listen at an address. */
export function listenError(cause: unknown, hostname: string, port: number): FramewireError {
  const code = codeOf(cause);
  const where = formatAddress(hostname, port);
  const why = {
    ADDRESS_IN_USE: "another program already listens there; choose another port, or port 0",
    ADDRESS_NOT_AVAILABLE: "the address is none of this machine's",
    PERMISSION_DENIED: "permission denied; ports under 1024 often need privileges, and Deno " +
      "needs --allow-net",
    HOST_UNREACHABLE: "the host name is unknown",
  }[code as string];
  return new FramewireError(code, `cannot listen on ${where}: ${why ?? messageOf(cause)}`, {
    cause,
  });
}

/** A failure to connect to an address. */
export function connectError(cause: unknown, hostname: string, port: number): FramewireError {
  const code = codeOf(cause);
  const where = formatAddress(hostname, port);
  const why = {
    CONNECTION_REFUSED: "nothing listens there",
    PERMISSION_DENIED: "permission denied; Deno needs --allow-net",
    HOST_UNREACHABLE: "the host name is unknown or the network does not lead there",
  }[code as string];
  return new FramewireError(code, `cannot connect to ${where}: ${why ?? messageOf(cause)}`, {
    cause,
  });
}

/** An address as users write it. */
export function formatAddress(hostname: string, port: number): string {
  if (hostname.startsWith("/")) return `unix:${hostname}`;
  if (port === 0 && hostname === "unix") return "a client of a Unix socket";
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** What a failure says, in its own words. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
