/**
 * A message centre: takes messages of clients that know the password, and sends receipts.
 *
 *   deno run -A examples/smpp/server.ts [port] [password]
 */
import process from "node:process";
import { type ConnOf, serve } from "framewire";
import { decodeText, smpp, Status } from "./protocol.ts";

type Conn = ConnOf<typeof smpp>;

const [port = "2775", password = "secret"] = process.argv.slice(2);

/** Who is bound, and whether it may send and receive messages. */
interface Session {
  readonly systemId: string;
  readonly sends: boolean;
  readonly receives: boolean;
}
const sessions = new Map<Conn, Session>();
let messages = 0;

function bind(
  packet: { readonly systemId: string; readonly password: string },
  conn: Conn,
  rights: { readonly sends: boolean; readonly receives: boolean },
) {
  if (sessions.has(conn)) return { header: { status: Status.alreadyBound } };
  if (packet.password !== password) return { header: { status: Status.invalidPassword } };
  const { systemId } = packet;
  sessions.set(conn, { systemId, ...rights });
  console.log(`${systemId} is bound`);
  return { systemId: "framewire", tlvs: { scInterfaceVersion: 0x34 } };
}

/** Tells the sender that its message has arrived (appendix B). */
async function sendReceipt(conn: Conn, messageId: string, from: string, to: string) {
  const text = `id:${messageId} sub:001 dlvrd:001 stat:DELIVRD err:000`;
  await conn.call("deliverSm", {
    sourceAddr: to,
    destinationAddr: from,
    esmClass: 0x04,
    shortMessage: new TextEncoder().encode(text),
    tlvs: { receiptedMessageId: messageId, messageState: 2 },
  });
}

const server = await serve({
  port: Number(port),
  protocol: smpp,
  on: {
    disconnect: (conn) => sessions.delete(conn),
    error: (error) => console.error(`${error.code} ${error.message}`),
  },
}, {
  bindTransmitter: (packet, conn) => bind(packet, conn, { sends: true, receives: false }),
  bindReceiver: (packet, conn) => bind(packet, conn, { sends: false, receives: true }),
  bindTransceiver: (packet, conn) => bind(packet, conn, { sends: true, receives: true }),
  submitSm(packet, conn) {
    const session = sessions.get(conn);
    if (!session?.sends) return { header: { status: Status.incorrectBindStatus } };
    const { sourceAddr, destinationAddr, dataCoding, shortMessage, registeredDelivery } = packet;
    const text = decodeText(packet.tlvs.messagePayload ?? shortMessage, dataCoding);
    const messageId = String(++messages);
    console.log(`${session.systemId}: ${sourceAddr} -> ${destinationAddr}: ${text}`);
    if ((registeredDelivery & 3) === 1 && session.receives) {
      // Behind the response, which the client must have to know whose receipt it is.
      queueMicrotask(() =>
        sendReceipt(conn, messageId, sourceAddr, destinationAddr).catch(console.error)
      );
    }
    return { messageId };
  },
  unbind(_packet, conn) {
    sessions.delete(conn);
    conn.close("unbound");
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
