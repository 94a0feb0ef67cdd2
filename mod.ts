/**
 * Framewire: a TCP server and client for framed packets. This is the whole public API, for the
 * runtime it is loaded in; as the main module it is the `framewire` command.
 *
 * @example A server and a client
 * ```ts
 * import { connect, serve } from "framewire";
 *
 * await using server = await serve({ port: 0 }, {
 *   submit(packet) {
 *     console.log(packet.id, packet.text());
 *   },
 * });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`);
 * await client.submit("hello");
 * ```
 *
 * @module
 */

export * from "#entry";

// Not awaited: an `await` at the top level would keep the module from being `require`d.
if (import.meta.main) void import("./src/cli/main.ts").then(({ main }) => main());
