/**
 * Sends a message and waits for its receipt.
 *
 *   deno run -A examples/smpp/client.ts [url] [to] [text] [password]
 */
import process from "node:process";
import { connect } from "framewire";
import { decodeText, encodeText, smpp } from "./protocol.ts";

const [url = "tcp://127.0.0.1:2775", to = "4915112345678", text = "hello", password = "secret"] =
  process.argv.slice(2);

const client = await connect(url, { protocol: smpp });

const receipt = new Promise<string>((resolve) => {
  client.handle({
    deliverSm(packet) {
      resolve(decodeText(packet.shortMessage, packet.dataCoding));
      return {};
    },
  });
});

const bound = await client.call("bindTransceiver", { systemId: "example", password });
if (bound.header.status !== 0) throw new Error(`not bound: status ${bound.header.status}`);
console.log(`bound to ${bound.systemId}`);

const sent = await client.call("submitSm", {
  sourceAddr: "framewire",
  sourceAddrTon: 5,
  destinationAddr: to,
  destAddrTon: 1,
  destAddrNpi: 1,
  registeredDelivery: 1,
  ...encodeText(text),
});
if (sent.header.status !== 0) throw new Error(`not sent: status ${sent.header.status}`);
console.log(`sent as ${sent.messageId}`);
console.log(`receipt: ${await receipt}`);

await client.call("unbind");
await client.close();
