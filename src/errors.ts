/**
 * Every error of the library: one class, a stable `code`, and one table that says what each code
 * means. Match on `code`, never on `instanceof`: a program may hold two copies of the library.
 *
 * @module
 */
import type { FlightEntry } from "./observe/flight.ts";

/**
 * The codes, each with what it means. The table is the source of the list in docs/PROTOCOL.md.
 */
export const ERROR_CODES = {
  /** A frame declares a length under its protocol's shortest frame. Closes the connection. */
  LENGTH_UNDERFLOW: "a frame declares a length under the shortest its protocol allows",
  /** A frame is over `maxFrameBytes`. Received: closes the connection. To send: refused. */
  FRAME_TOO_LARGE: "a frame is longer than maxFrameBytes",
  /** A signed length field is negative. Closes the connection. */
  NEGATIVE_LENGTH: "a frame's length field is negative",
  /** A frame is shorter than the bytes its framing strips. Closes the connection. */
  STRIP_EXCEEDS_FRAME: "a frame is shorter than what its framing strips",
  /** A varint length goes on after the bytes it may have. Closes the connection. */
  VARINT_TOO_LONG: "a varint length has more bytes than its framing allows",
  /** No delimiter in as many bytes as a frame may have. Closes the connection. */
  DELIMITER_NOT_FOUND: "no delimiter came within maxFrameBytes",
  /** A custom framing's scan refused what came. Closes the connection. */
  INVALID_FRAME: "a custom framing's scan refused the bytes",
  /** Content that its framing cannot carry, such as a line with a line end in it. */
  INVALID_CONTENT: "the content to send cannot be carried by its framing",
  /** A frame's checksum is not that of its bytes. Closes the connection. */
  CHECKSUM_MISMATCH: "a frame's checksum is not that of its bytes",
  /** Compressed bytes are malformed, or hold more or fewer than declared. Closes the connection. */
  DECOMPRESSION_FAILED: "compressed bytes are malformed or not of the declared length",
  /** A frame's kind is none that the protocol knows. Closes the connection. */
  UNKNOWN_PACKET: "a frame's kind is none that the protocol knows",
  /** A packet that only the other side may send, or a reply that nobody waits for. Closes. */
  UNEXPECTED_PACKET: "a packet that this side may not receive, or not now",
  /** A trusted proxy's PROXY header is wrong or does not come. Closes the connection. */
  PROXY_HEADER_INVALID: "a trusted proxy's PROXY header is wrong or does not come",
  /** A peer sends more than the limits of `rate` allow. With `onRate: "close"`, closes. */
  RATE_LIMITED: "the peer sends more than its rate limits allow",
  /** The stream ended inside a frame. */
  TRUNCATED: "the stream ended inside a frame",
  /** The peer reset the connection, or the network broke. */
  CONNECTION_RESET: "the connection was reset by the peer or broken by the network",
  /** The connection is closed; what was not answered fails with this. */
  CONNECTION_CLOSED: "the connection is closed",
  /** Nothing listens at the address. */
  CONNECTION_REFUSED: "nothing listens at the address",
  /** The connect deadline passed. */
  CONNECT_TIMEOUT: "the connection was not made within its deadline",
  /** A TLS handshake failed, or a certificate is none that this side takes. */
  TLS_FAILED: "a TLS handshake failed, or a certificate cannot be trusted",
  /** A WebSocket was closed with a code that is no end in order, by this side or by the peer. */
  WEBSOCKET_FAILED: "a WebSocket had text, too much, or was closed with an error by the peer",
  /** The host name could not be resolved, or the network does not lead there. */
  HOST_UNREACHABLE: "the host name is unknown or the network does not lead there",
  /** The peer answered a request with a failure. */
  RESULT_FAILED: "the peer answered the request with a failure",
  /** A peer has not said who it is, or not so that the server believed it. Closes the connection. */
  UNAUTHENTICATED: "the peer has not authenticated itself",
  /** A peer may not come in, or may not do what it asked for. */
  FORBIDDEN: "the peer is known, and not allowed to do it",
  /** The server takes no more connections or requests for now. */
  BUSY: "the server takes no more for now",
  /** The server ends the connection soon: nothing new is sent on it. */
  DRAINING: "the server ends the connection soon",
  /** A call or a request was not answered within its deadline. */
  DEADLINE_EXCEEDED: "a call or a request was not answered within its deadline",
  /** The caller has given a request up. */
  CANCELLED: "the caller has given the request up",
  /** The address is already listened on by another program. */
  ADDRESS_IN_USE: "another program already listens at the address",
  /** The address is none of this machine's, or cannot be listened on. */
  ADDRESS_NOT_AVAILABLE: "the address cannot be listened on from this machine",
  /** A protocol or framing is defined in a way that cannot be. */
  INVALID_CONFIG: "a framing or a protocol is defined in a way that cannot be",
  /** A packet's field has a value that it cannot have. */
  INVALID_FIELD: "a packet's field has a value that it cannot have",
  /** A packet ends before its fields do. */
  BODY_TOO_SHORT: "a packet ends before its fields do",
  /** A packet's fields end before it does. */
  BODY_TOO_LONG: "a packet's fields end before it does",
  /** A request came for which there is no handler. */
  NO_HANDLER: "there is no handler for the request",
  /** So many calls wait for their replies that the protocol can tell no more apart. */
  WINDOW_FULL: "no more calls can wait for their replies at once",
  /** A packet's body is a stream: read it from `packet.stream()`, and while the handler runs. */
  BODY_STREAMED: "a packet's body is a stream, to be read while its handler runs",
  /** A peer has long sent nothing, though it was asked: the connection is cut. */
  PEER_SILENT: "the peer gave no sign of life and the connection was cut",
  /** A peer took pushes too slowly, and its policy is to end the connection. */
  SLOW_CONSUMER: "a peer took pushes too slowly and was cut off",
  /** The operating system or the runtime's sandbox forbids it. */
  PERMISSION_DENIED: "the operating system or the runtime's permissions forbid it",
  /** An option has a value out of its range or of the wrong type. */
  INVALID_OPTION: "an option's value is out of its range or of the wrong type",
  /** Accepting a connection failed; the server goes on and tries again. */
  ACCEPT_FAILED: "a connection could not be accepted; the server goes on",
  /** A peer did not introduce itself in time. Closes the connection. */
  HANDSHAKE_TIMEOUT: "a peer did not introduce itself, or sent no frame, in time",
  /** A frame began and did not end in time. Closes the connection. */
  FRAME_TIMEOUT: "a frame began and did not end in time",
  /** A peer did not answer a heartbeat. Closes the connection. */
  HEARTBEAT_TIMEOUT: "a peer did not answer a heartbeat in time",
  /** A peer reads nothing of what waits for it. Closes the connection. */
  WRITE_STALLED: "a peer read nothing, for too long, of what was sent to it",
  /** A handler threw or rejected; its request was answered with a failure. */
  HANDLER_FAILED: "a handler threw or rejected; its request was answered with a failure",
  /** A handler's promise did not settle in time; its request was answered with a failure. */
  HANDLER_TIMEOUT: "a handler did not settle in time; its request was answered with a failure",
  /** The session store failed; what it had not committed was not acknowledged. */
  SESSION_STORE_FAILED: "the session store failed; what was not committed was not acknowledged",
  /** Another connection has taken over the session: this one ends. */
  SESSION_TAKEN_OVER: "another connection has taken over the session of this one",
  /** The server knows the session no more, or remembers no more how a request of it went. */
  SESSION_LOST: "the session is lost; what was under way may have been done",
  /** The runtime or the operating system reported something no other code covers. */
  LINK_FAILED: "the runtime reported an error that no other code covers",
  /** The runtime lacks what was asked for. */
  UNSUPPORTED: "the runtime lacks what was asked for",
} as const;

/** One of the stable error codes. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error of a byte stream can tell beside its message. */
export interface StreamErrorDetail {
  /** The frame's whole length as declared, in bytes. */
  readonly declaredBytes?: number;
  /** The limit it broke, in bytes. */
  readonly limitBytes?: number;
  /** Where in the received stream the frame began, in bytes. */
  readonly streamOffset?: number;
  /** The first bytes of the frame, at most 16. */
  readonly firstBytes?: Uint8Array;
  /** What the bytes look like when they are none of this protocol's, for example `"HTTP"`. */
  readonly looksLike?: string;
  /** The result byte of the reply, with `RESULT_FAILED`. */
  readonly result?: number;
  /** After how long it is worth to try again, in milliseconds, where the peer has said so. */
  readonly retryAfterMs?: number;
  /** The reply that was none of the expected ones, with `RESULT_FAILED`. */
  readonly reply?: Readonly<Record<string, unknown>>;
  /** What is known of the call that failed; undefined where it was no call. */
  readonly outcome?: Outcome;
  /** The last frames of the connection that it has ended, with the option `flightRecorder`. */
  readonly flight?: readonly FlightEntry[];
}

/**
 * What is known of a call that failed.
 *
 * - `"answered"`: the peer got it and said no. To try again helps only if the answer says so.
 * - `"not-sent"`: it certainly never reached the peer: it may be made again, whatever it does.
 * - `"unknown"`: it may have reached the peer, which may have carried it out, or may yet. To make it
 *   again is safe only when doing it twice does no harm.
 */
export type Outcome = "answered" | "not-sent" | "unknown";

/** What {@linkcode FramewireError} is made of. */
export interface FramewireErrorOptions extends StreamErrorDetail {
  /** The error beneath this one. */
  readonly cause?: unknown;
}

const brand: unique symbol = Symbol.for("framewire.error") as never;

/**
 * An error of this library.
 *
 * @example Tell a failed request from a broken connection
 * ```ts
 * import { FramewireError } from "./errors.ts";
 *
 * const error = new FramewireError("RESULT_FAILED", "request 00000007 failed", { result: 1 });
 * if (error.code !== "RESULT_FAILED" || error.result !== 1) throw error;
 * ```
 */
export class FramewireError extends Error implements StreamErrorDetail {
  /** The class name, as `Error` prints it. */
  override readonly name: string = "FramewireError";
  /** The stable code to match on. */
  readonly code: ErrorCode;
  /** The frame's whole length as declared, in bytes. */
  declare readonly declaredBytes?: number;
  /** The limit it broke, in bytes. */
  declare readonly limitBytes?: number;
  /** Where in the received stream the frame began, in bytes. */
  declare readonly streamOffset?: number;
  /** The first bytes of the frame, at most 16. */
  declare readonly firstBytes?: Uint8Array;
  /** What the bytes look like when they are none of this protocol's. */
  declare readonly looksLike?: string;
  /** The result byte of the reply, with `RESULT_FAILED`. */
  declare readonly result?: number;
  /** After how long it is worth to try again, in milliseconds, where the peer has said so. */
  declare readonly retryAfterMs?: number;
  /** The reply that was none of the expected ones, with `RESULT_FAILED`. */
  declare readonly reply?: Readonly<Record<string, unknown>>;
  /** What is known of the call that failed: see {@linkcode Outcome}; undefined where it was no call. */
  declare readonly outcome?: Outcome;
  /** The last frames of the connection that it has ended, with the option `flightRecorder`. */
  declare readonly flight?: readonly FlightEntry[];

  /**
   * An error with its code.
   *
   * @param code The stable code.
   * @param message What was expected, what came, and what to do.
   * @param options The cause and the details there are.
   */
  constructor(code: ErrorCode, message: string, options: FramewireErrorOptions = {}) {
    const { cause, ...detail } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    Object.assign(this, detail);
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * Whether a value is an error of this library, of whichever copy of it.
 *
 * @param value Anything, such as what a `catch` caught.
 * @param code When given, the error must have this code too.
 */
export function isFramewireError(value: unknown, code?: ErrorCode): value is FramewireError {
  return typeof value === "object" && value !== null && brand in value &&
    (code === undefined || (value as unknown as FramewireError).code === code);
}

/**
 * What was thrown, in words. Anything can be thrown, and some of it resists being turned into text.
 *
 * @param thrown What a `catch` caught, or a promise was rejected with.
 */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `a ${typeof thrown} that cannot be shown`;
  }
}
