/**
 * Our server as the bench runs it: one source, on Deno as it stands and on Node bundled by
 * `bundle.mjs`.
 *
 *   deno run -A bench/server/subject.ts [sync|guarded|async|echo|defined] [auto|wasm|ts]
 *
 * Prints `listening PORT`. The handlers read the id and the payload of every request, as a user's
 * would; a handler that ignores them would be measured without the packet's lazy parts.
 *
 * @module
 */
import { argv, exit } from "node:process";
import { bytes, defineProtocol, lengthField, rest, serve, u32, u8 } from "framewire";

const mode = argv[2] ?? "sync";
const codec = (argv[3] ?? "auto") as "auto" | "wasm" | "ts";

/** The submit protocol as a user would define it. */
const definedSubmit = defineProtocol({
  name: "defined-submit",
  framing: lengthField({ counts: "frame", minFrameBytes: 13 }),
  header: { total: u32, command: u8, id: bytes(8) },
  kind: "command",
  correlate: "id",
  packets: {
    submit: { kind: 0x02, reply: "submitAck", body: { payload: rest() } },
    submitAck: { kind: 0x82, body: { result: u8 } },
  },
});

/** What the handlers read goes here, so that no compiler can drop the reading. */
let seen = 0;

function read(id: string, payload: Uint8Array): void {
  seen = (seen + id.charCodeAt(7) + payload[payload.length - 1]!) | 0;
}

async function listen(): Promise<number> {
  // The bench holds thousands of connections, from one address.
  const options = { port: 0, codec, maxConnections: 100_000 };
  switch (mode) {
    case "sync": {
      const server = await serve(options, {
        submit(packet): void {
          read(packet.id, packet.payload);
        },
      });
      return server.addr.port;
    }
    case "guarded": {
      // With what an operator sets on a hostile network; the deadlines have their defaults.
      const server = await serve(options, {
        submit(packet): void {
          read(packet.id, packet.payload);
        },
      });
      return server.addr.port;
    }
    case "async": {
      const server = await serve(options, {
        async submit(packet): Promise<void> {
          await Promise.resolve();
          read(packet.id, packet.payload);
        },
      });
      return server.addr.port;
    }
    case "defined": {
      const server = await serve({ ...options, protocol: definedSubmit }, {
        submit(packet): { result: number } {
          const { payload } = packet;
          seen = (seen + packet.header.id[7]! + payload[payload.length - 1]!) | 0;
          return { result: 0 };
        },
      });
      return server.addr.port;
    }
    case "echo": {
      const server = await serve({ ...options, protocol: "echo" });
      return server.addr.port;
    }
    default:
      console.error(`unknown mode ${mode}: use sync, guarded, async, echo or defined`);
      return exit(2);
  }
}

console.log(`listening ${await listen()}`);
