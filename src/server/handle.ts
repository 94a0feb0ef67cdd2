/**
 * What a server is to the program that runs it.
 *
 * @module
 */
import type { SlowConsumer } from "../connection/slow_consumer.ts";
import type { Address } from "../link/link.ts";
import type { EventOf, EventStream } from "../observe/event_stream.ts";
import type { ServerOptions } from "../options/server.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import type { DrainResult } from "./drain.ts";
import type { ListenAddress } from "./listeners.ts";
import type { ServerEvents } from "./server_events.ts";
import type { ServerStats } from "./stats.ts";

/** How a server is shut down. */
export interface ShutdownOptions {
  /**
   * How long accepted requests may take to finish, in milliseconds; then the connections are cut.
   *
   * @default {10000}
   */
  readonly deadlineMs?: number;
  /**
   * Over how long the connections are ended, in milliseconds, so that their peers do not all come back
   * somewhere at once: 0 to `deadlineMs`. All peers are told at the beginning, as far as their protocol
   * knows such a notice. Until its turn comes, a connection is served.
   *
   * @default {0}
   */
  readonly spreadMs?: number;
  /**
   * Why, for people: in the notice to the peers, and in the `disconnect` events.
   *
   * @default {"the server is shutting down"}
   */
  readonly reason?: string;
}

/**
 * Pushes a payload to many connections of the `submit` protocol. It is encoded once and its bytes are
 * shared by all of them, however many there are; none waits for another.
 *
 * @param payload Bytes, or text to be sent as UTF-8. Its memory is free at once.
 * @param filter Which connections; by default all. Those without the feature `push` are passed over.
 * @param policy What is done about those that are too slow; by default the server's `slowConsumer`.
 * @returns How many connections it was sent to or queued for.
 * @throws FramewireError FRAME_TOO_LARGE, INVALID_OPTION.
 */
export type PayloadBroadcast<Conn extends ServerConnection = ServerConnection> = (
  payload: Uint8Array | string,
  filter?: (conn: Conn) => boolean,
  policy?: SlowConsumer,
) => number;

/**
 * A running server, as {@linkcode serve} returns it.
 *
 * @typeParam Conn Its connections, as listeners see them.
 * @typeParam Broadcast What `broadcast` takes: the protocol says.
 */
export interface Server<
  Conn extends ServerConnection = ServerConnection,
  Broadcast = PayloadBroadcast<Conn>,
> extends AsyncDisposable {
  /** Where it listens, the first of `addrs`; the port is the real one. */
  readonly addr: Address;
  /** All the addresses it listens at, in the order of `listen`, each with the URL to connect to. */
  readonly addrs: readonly ListenAddress[];
  /** Settles when it is shut down, by whatever asked for it. */
  readonly finished: Promise<void>;
  /** Its figures now. */
  stats(): ServerStats;
  /** Counts and measures anew from now on; what figures of connections say stays. */
  resetStats(): void;
  /**
   * Its connections that are not closed, the oldest first. Those that come or go while they are gone
   * through may be among them or not.
   *
   * @param filter Which ones; all without it.
   *
   * @example Close those that have not sent a request within ten minutes
   * ```ts
   * import { serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, { submit() {} });
   * const before = Date.now() - 600_000;
   * for (const conn of server.connections(({ requests }) => requests === 0)) {
   *   if (conn.info().since.getTime() < before) conn.close("no request in ten minutes");
   * }
   * ```
   */
  connections(filter?: (conn: Conn) => boolean): IterableIterator<Conn>;
  /**
   * Ends connections in order, as `conn.close` does.
   *
   * @param filter Which ones.
   * @param reason What their `disconnect` events will say.
   * @returns How many there were.
   */
  disconnect(filter: (conn: Conn) => boolean, reason?: string): number;
  /**
   * Adds a listener to one of its {@linkcode ServerEvents}.
   *
   * @returns A function that removes it.
   */
  on<Name extends keyof ServerEvents<Conn>>(
    name: Name,
    listener: (...args: ServerEvents<Conn>[Name]) => void,
  ): () => void;
  /**
   * Sends something to many connections, encoded once and shared: with `submit` a payload
   * ({@linkcode PayloadBroadcast}), with defined protocols a packet ({@linkcode DefinedBroadcast}).
   *
   * @example
   * ```ts
   * import { serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, { submit() {} });
   * server.broadcast("back in five minutes", (conn) => conn.agent !== "robot/1.0");
   * ```
   */
  readonly broadcast: Broadcast;
  /**
   * Its events as an async iterator, from now on. It ends after the `close` event, or by `break`. For a
   * slow reader `eventQueue` events wait; then the oldest are dropped, and `dropped` says how many.
   *
   * @param names Which events; all without them.
   *
   * @example
   * ```ts
   * import { connect, serve } from "framewire";
   *
   * const server = await serve({ port: 0 }, { submit() {} });
   * const events = server.events("connect", "disconnect");
   * await (await connect(`tcp://127.0.0.1:${server.addr.port}`)).close();
   * for await (const event of events) {
   *   if (event.name === "connect") continue;
   *   const [conn, { code }] = event.args;
   *   console.log(`connection ${conn.id} ended: ${code}`);
   *   void server.shutdown(); // and so the events end too
   * }
   * ```
   */
  events<Name extends keyof ServerEvents<Conn> = keyof ServerEvents<Conn>>(
    ...names: readonly Name[]
  ): EventStream<EventOf<ServerEvents<Conn>, Name>>;
  /**
   * Shuts down: accepts no more connections, takes no more requests, lets those it took be answered
   * and the answers leave, then closes. Calling it again waits for the same end; a call with an
   * earlier deadline brings it forward. It always settles.
   *
   * @returns What became of the connections.
   * @throws FramewireError INVALID_OPTION, and then it goes on.
   */
  shutdown(options?: ShutdownOptions): Promise<DrainResult>;
  /**
   * Changes options while it runs. They hold from now on, for the connections that are open too.
   *
   * @param options The ones to change. Those that can be are the ones of a connection's life, of how
   * many connections there may be and how fast they may come, who may connect (for new ones), how long
   * frames may be (for new ones), how much may come in which time, what a connection may have under way,
   * and what may wait: memory, pushes and writes. What a change holds for is said at each option.
   * @throws FramewireError INVALID_OPTION, naming the option, and nothing is changed.
   *
   * @example
   * ```ts
   * import { serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, { submit() {} });
   * server.reconfigure({ maxConnections: 5000, idleTimeoutMs: 20_000 });
   * ```
   */
  reconfigure(options: ServerOptions): void;
}
