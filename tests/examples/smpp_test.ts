/** The SMPP example against the npm package `smpp`, in both roles. */

import type { AddressInfo } from "node:net";
import { Buffer } from "node:buffer";
import npmSmpp from "smpp";
import t from "tap";
import { encodeText, smpp } from "../../examples/smpp/protocol.ts";
import { startExample, startServer } from "./program.ts";

/** A PDU of the npm package: its fields by the specification's names. */
interface Pdu {
  readonly command: string;
  readonly command_status: number;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
  response(fields?: object): Pdu;
  toBuffer(): Uint8Array;
}

/** A session of the npm package: a method for each command. */
interface Session {
  on(event: string, listener: (pdu: Pdu) => void): void;
  once(event: string, listener: (pdu: Pdu) => void): void;
  send(pdu: Pdu): boolean;
  close(): void;
  destroy(): void;
  readonly socket: { write(bytes: Uint8Array): void };
  [command: string]: unknown;
}

/** What the npm package exports: it has no types. */
interface NpmSmpp {
  connect(options: { readonly host: string; readonly port: number }): Session;
  createServer(listener: (session: Session) => void): {
    listen(port: number, host: string, done: () => void): void;
    address(): AddressInfo;
    close(): void;
  };
  readonly PDU: {
    new (command: string, fields: object): Pdu;
    fromBuffer(buffer: Uint8Array): Pdu;
  };
}

const npm = npmSmpp as unknown as NpmSmpp;

/** Sends a command and waits for its response. */
function ask(session: Session, command: string, fields: object = {}): Promise<Pdu> {
  const send = session[command] as (fields: object, answered: (pdu: Pdu) => void) => void;
  return new Promise((resolve) => send.call(session, fields, resolve));
}

function next(session: Session, event: string): Promise<Pdu> {
  return new Promise((resolve) => session.once(event, resolve));
}

t.test("a client of the npm package binds, sends, gets a receipt and leaves", async (t) => {
  const { running, port } = await startServer(t, "smpp/server.ts", ["pw"]);
  const session = npm.connect({ host: "127.0.0.1", port });
  t.teardown(() => session.destroy());
  session.on("error", () => {});
  const refused = await ask(session, "bind_transceiver", { system_id: "esme", password: "no" });
  t.equal(refused.command_status, 0x0e);
  const early = await ask(session, "submit_sm", { destination_addr: "1", short_message: "x" });
  t.equal(early.command_status, 0x04);
  const bound = await ask(session, "bind_transceiver", { system_id: "esme", password: "pw" });
  t.equal(bound.command_status, 0);
  t.equal(bound["system_id"], "framewire");
  t.equal(bound["sc_interface_version"], 0x34);

  const receipt = next(session, "deliver_sm");
  const sent = await ask(session, "submit_sm", {
    source_addr: "42",
    destination_addr: "4915112345678",
    short_message: "grüße",
    data_coding: 8,
    registered_delivery: 1,
    user_message_reference: 513,
  });
  t.equal(sent.command_status, 0);
  t.equal(sent["message_id"], "1");
  await running.wrote("stdout", /esme: 42 -> 4915112345678: grüße/);
  const delivered = await receipt;
  t.equal(delivered["receipted_message_id"], "1");
  t.equal(delivered["message_state"], 2);
  t.equal(delivered["source_addr"], "4915112345678");
  session.send(delivered.response());

  await ask(session, "submit_sm", { message_payload: "y".repeat(1000) });
  await running.wrote("stdout", /: y{1000}$/m);

  t.equal((await ask(session, "enquire_link")).command, "enquire_link_resp");
  const nack = await ask(session, "query_sm", { message_id: "1" });
  t.equal(nack.command, "generic_nack");
  t.equal(nack.command_status, 3);
  const closed = next(session, "close");
  t.equal((await ask(session, "unbind")).command, "unbind_resp");
  await closed;
});

t.test("transmitters send and receivers receive, and none does the other", async (t) => {
  const { port } = await startServer(t, "smpp/server.ts", ["pw"]);
  for (const [bind, status] of [["bind_transmitter", 0], ["bind_receiver", 4]] as const) {
    const session = npm.connect({ host: "127.0.0.1", port });
    t.teardown(() => session.destroy());
    const bound = await ask(session, bind, { system_id: "esme", password: "pw" });
    t.equal(bound.command, `${bind}_resp`);
    t.equal((await ask(session, "submit_sm", { short_message: "x" })).command_status, status);
    session.close();
  }
});

t.test("the example's client works with a server of the npm package", async (t) => {
  const seen: Pdu[] = [];
  const server = npm.createServer((session) => {
    session.on("bind_transceiver", (pdu) => {
      seen.push(pdu);
      session.send(pdu.response({ system_id: "npm" }));
    });
    session.on("submit_sm", (pdu) => {
      seen.push(pdu);
      session.send(pdu.response({ message_id: "m-1" }));
      const deliver = session["deliver_sm"] as (fields: object, done: (pdu: Pdu) => void) => void;
      const fields = { esm_class: 4, short_message: "id:m-1 stat:DELIVRD" };
      deliver.call(session, fields, (response) => seen.push(response));
    });
    session.on("unbind", (pdu) => {
      session.send(pdu.response());
      session.close();
    });
    session.on("error", () => {});
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `tcp://127.0.0.1:${server.address().port}`;
  const client = startExample(t, "smpp/client.ts", [url, "4912345", "grüße", "pw"]);
  const { code, stdout, stderr } = await client.ended;
  t.equal(code, 0, stderr);
  t.match(stdout, /^bound to npm\nsent as m-1\nreceipt: id:m-1 stat:DELIVRD\n$/);
  const [bind, submit, receipt] = seen;
  t.match(bind, { system_id: "example", password: "pw", interface_version: 0x34 });
  t.match(submit, { destination_addr: "4912345", registered_delivery: 1, data_coding: 8 });
  t.match(submit!["short_message"], { message: "grüße" });
  t.equal(receipt!.command, "deliver_sm_resp");
});

/** A submit_sm with all its fields, as this library and as the npm package name them. */
const OURS = {
  serviceType: "CMT",
  sourceAddrTon: 1,
  sourceAddrNpi: 2,
  sourceAddr: "123",
  destAddrTon: 3,
  destAddrNpi: 4,
  destinationAddr: "456",
  esmClass: 0x40,
  protocolId: 5,
  priorityFlag: 6,
  registeredDelivery: 7,
  replaceIfPresentFlag: 1,
  dataCoding: 4,
  smDefaultMsgId: 9,
  shortMessage: new Uint8Array([0, 1, 2, 255]),
};
const THEIRS = {
  service_type: "CMT",
  source_addr_ton: 1,
  source_addr_npi: 2,
  source_addr: "123",
  dest_addr_ton: 3,
  dest_addr_npi: 4,
  destination_addr: "456",
  esm_class: 0x40,
  protocol_id: 5,
  priority_flag: 6,
  registered_delivery: 7,
  replace_if_present_flag: 1,
  data_coding: 4,
  sm_default_msg_id: 9,
};

t.test("both libraries encode a submit_sm to the same bytes and decode it to the same values", (t) => {
  const ours = smpp.encode("submitSm", {
    ...OURS,
    tlvs: { userMessageReference: 513, messagePayload: new Uint8Array([7, 8]) },
    header: { sequence: 77 },
  });
  const theirs = new npm.PDU("submit_sm", {
    ...THEIRS,
    sequence_number: 77,
    short_message: Buffer.from(OURS.shortMessage),
    user_message_reference: 513,
    message_payload: Buffer.from([7, 8]),
  }).toBuffer();
  t.equal(Buffer.from(ours).toString("hex"), Buffer.from(theirs).toString("hex"));
  t.match(npm.PDU.fromBuffer(Buffer.from(ours)), {
    ...THEIRS,
    sequence_number: 77,
    user_message_reference: 513,
  });
  const packet = smpp.decode(theirs);
  t.match(packet.toObject(), {
    ...OURS,
    packet: "submitSm",
    header: { sequence: 77, status: 0 },
    tlvs: { userMessageReference: 513 },
  });
  t.end();
});

t.test("texts go as ASCII or UCS-2", (t) => {
  t.strictSame(encodeText("hi"), { shortMessage: new Uint8Array([104, 105]), dataCoding: 0 });
  t.strictSame(encodeText("é"), { shortMessage: new Uint8Array([0, 0xe9]), dataCoding: 8 });
  t.end();
});
