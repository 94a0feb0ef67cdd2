/**
 * A server of sockets in this process: a peer that speaks what a test makes it speak.
 *
 * @module
 */

import { type AddressInfo, createServer, type Socket } from "node:net";

/** Starts one; the test ends it. Resolves with `host:port`. */
export async function socketServer(
  t: { teardown(end: () => void): void },
  serveOne: (socket: Socket) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serveOne(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
