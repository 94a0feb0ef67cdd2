/**
 * Our server as the bench runs it: one source, on Deno as it stands and on Node bundled by
 * `bundle.mjs`.
 *
 *   deno run -A bench/server/subject.ts [sync|async|echo|defined|…] [auto|wasm|ts]
 *
 * Prints `listening PORT`. The handlers read the id and the payload of every request, as a user's
 * would; a handler that ignores them would be measured without the packet's lazy parts.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process, { argv, exit } from "node:process";
import { sqliteStore } from "framewire/sqlite";
import {
  defineProtocol,
  lengthField,
  rest,
  serve,
  type ServeOptions,
  string,
  u32,
  u8,
} from "framewire";

const mode = argv[2] ?? "sync";
const codec = (argv[3] ?? "auto") as "auto" | "wasm" | "ts";

/** The submit protocol as a user would define it. */
const definedSubmit = defineProtocol({
  name: "defined-submit",
  framing: lengthField({ counts: "frame", minFrameBytes: 13 }),
  header: { total: u32, command: u8, id: string(8) },
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

/** The sync server's options in the modes that turn something on; nothing of it stops a request. */
const GATES: Record<string, ServeOptions> = {
  sync: {},
  // What an operator sets on a hostile network; the deadlines have their defaults.
  guarded: {
    maxConnections: 5000,
    memoryBudgetBytes: 64 << 20,
    rate: { connection: { requestsPerSecond: 20_000, bytesPerSecond: 4 << 20 } },
  },
  // The same without rates.
  bounded: { maxConnections: 5000, memoryBudgetBytes: 64 << 20 },
  listed: { allow: ["127.0.0.0/8", "10.0.0.0/8", "::1"], deny: ["192.0.2.0/24", "2001:db8::/32"] },
  rated: {
    rate: {
      connection: { requestsPerSecond: 1e8, bytesPerSecond: 1e11 },
      ip: { requestsPerSecond: 1e9, bytesPerSecond: 1e12 },
      server: { requestsPerSecond: 1e9, bytesPerSecond: 1e12 },
    },
  },
  authorized: { authorize: () => true },
  recorded: { flightRecorder: true },
  timed: { handlerTimes: "all" },
  sessions: { sessions: {} },
};

/** The certificate that the tests use. */
function testIdentity(): { cert: string; key: string } {
  const pem = (name: string) => readFileSync(`tests/fixtures/tls/${name}`, "utf8");
  return { cert: pem("server.pem"), key: pem("server.key") };
}

/** A database file that goes when the process does. */
function scratchFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "framewire-bench-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  process.once("SIGTERM", () => exit(0));
  return join(directory, "sessions.db");
}

async function listen(): Promise<number> {
  // The bench holds thousands of connections, from one address.
  const options = { port: 0, codec, maxConnections: 100_000 };
  const gates = mode === "tls"
    ? { tls: testIdentity() }
    : mode === "guarded-tls"
    ? { ...GATES["guarded"], tls: testIdentity() }
    : mode === "sqlite"
    ? { sessions: { store: sqliteStore(scratchFile()) } }
    : GATES[mode];
  if (gates !== undefined) {
    const server = await serve({ ...options, ...gates }, {
      submit(packet): void {
        read(packet.id, packet.payload);
      },
    });
    return server.addr.port;
  }
  switch (mode) {
    case "async": {
      const server = await serve(options, {
        async submit(packet): Promise<void> {
          await Promise.resolve();
          read(packet.id, packet.payload);
        },
      });
      return server.addr.port;
    }
    case "hanging": {
      const server = await serve({ ...options, ...GATES["guarded"], handlerTimeoutMs: 1000 }, {
        submit(packet): Promise<void> | undefined {
          read(packet.id, packet.payload);
          return packet.text() === "hang" ? new Promise(() => {}) : undefined;
        },
      });
      return server.addr.port;
    }
    case "defined": {
      const server = await serve({ ...options, protocol: definedSubmit }, {
        submit(packet): { result: number } {
          read(packet.header.id, packet.payload);
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
      console.error(
        `unknown mode ${mode}: use ${
          Object.keys(GATES).join(", ")
        }, tls, guarded-tls, sqlite, async, hanging, echo or defined`,
      );
      return exit(2);
  }
}

console.log(`listening ${await listen()}`);
