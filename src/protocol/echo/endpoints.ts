/**
 * What servers and clients of the `echo` protocol are made of, loaded by the first of them.
 *
 * @module
 */
export { EchoClientEndpoint } from "./client.ts";
export { EchoServerEndpoint } from "./server.ts";
