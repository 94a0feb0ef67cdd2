/**
 * A Worker in front of the service of prices (../services): it takes clients by WebSocket, and by TCP
 * where workerd is told to, and calls the service over TCP.
 */
import {
  type CallsOf,
  connect,
  type ConnOf,
  edge,
  type ReconnectingClient,
} from "framewire/workerd";
import { prices } from "../services/protocol.ts";

/** What the Worker is configured with. */
interface Env {
  /** The instances of the service, separated by spaces: `tcp://10.0.0.1:4400 tcp://10.0.0.2:4400`. */
  readonly BACKENDS: string;
}

type Conn = ConnOf<typeof prices>;
type Backend = ReconnectingClient & CallsOf<typeof prices>;

// Workers may not touch from one request what belongs to another, and a client's connection is a
// request: each has connections of its own to the service.
const backends = new Map<Conn, Promise<Backend>>();

function backendOf(conn: Conn, { BACKENDS }: Env): Promise<Backend> {
  let backend = backends.get(conn);
  if (backend === undefined) {
    backend = connect(BACKENDS.split(" "), { protocol: prices, connectTimeoutMs: 2000 });
    backends.set(conn, backend);
    backend.catch(() => backends.delete(conn)); // the next call tries again
  }
  return backend;
}

export default edge(
  (env: Env) => ({
    async quote({ product, quantity }, conn) {
      const backend = await backendOf(conn, env);
      return await backend.call("quote", { product, quantity }, {
        timeoutMs: 3000,
        idempotent: true, // made again at another instance when one is lost
      });
    },
  }),
  {
    protocol: prices,
    on: {
      disconnect(conn) {
        backends.get(conn)?.then((backend) => backend.close({ deadlineMs: 0 }), () => {});
        backends.delete(conn);
      },
    },
  },
);
