/**
 * What the SMPP benches work on: submit_sm packets, decoded and encoded by this library and by the npm
 * package `smpp`. Both touch every field, and the message as text where it is one.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import npm from "smpp";
import { decodeText, smpp } from "../../examples/smpp/protocol.ts";

/** Packets in one chunk, as one read from a socket brings them. */
export const PACKETS = 256;

/** What the npm package reads from: a socket, and here a chunk. */
interface Reads {
  read(count: number): Buffer | null;
}

/** What the npm package exports, as far as it is used here: it has no types. */
interface NpmSmpp {
  readonly PDU: {
    new (command: string, fields: object): { toBuffer(): Uint8Array };
    commandLength(stream: Reads): number | false;
    fromStream(stream: Reads, commandLength: number): Readonly<Record<string, unknown>>;
  };
}
const { PDU } = npm as unknown as NpmSmpp;

const TEXT = "Your code is 482913. It is valid for ten minutes; do not give it to anyone.";
const utf8 = new TextEncoder();

/** What is sent. */
interface Kind {
  readonly name: string;
  /** Text in the default alphabet, or bytes that are not converted. */
  readonly isText: boolean;
  readonly hasTlvs: boolean;
}

const KINDS: readonly Kind[] = [
  { name: "submit_sm", isText: true, hasTlvs: false },
  { name: "submit_sm with three TLVs", isText: true, hasTlvs: true },
  { name: "submit_sm of bytes", isText: false, hasTlvs: false },
];

function fieldsOf(i: number, { isText, hasTlvs }: Kind) {
  return {
    sourceAddr: "framewire",
    sourceAddrTon: 5,
    destAddrTon: 1,
    destAddrNpi: 1,
    destinationAddr: `4915${String(10_000_000 + i * 7919)}`,
    registeredDelivery: 1,
    dataCoding: isText ? 0 : 4,
    shortMessage: utf8.encode(TEXT),
    ...(hasTlvs && { tlvs: { userMessageReference: i, sourcePort: 16, moreMessagesToSend: 1 } }),
    header: { sequence: i + 1 },
  };
}

function npmFieldsOf(i: number, { isText, hasTlvs }: Kind) {
  return {
    sequence_number: i + 1,
    source_addr: "framewire",
    source_addr_ton: 5,
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: `4915${String(10_000_000 + i * 7919)}`,
    registered_delivery: 1,
    data_coding: isText ? 0 : 4,
    short_message: isText ? TEXT : Buffer.from(TEXT),
    ...(hasTlvs && { user_message_reference: i, source_port: 16, more_messages_to_send: 1 }),
  };
}

/** One task done by both. */
export interface SmppWork {
  /** What it is. */
  readonly name: string;
  /** This library: all packets of a chunk. */
  ours(): void;
  /** The npm package: the same. */
  npm(): void;
}

/** Grows with what was read, so that no work can be left out. */
export let sink = 0;

/** All tasks. */
export function smppWorks(): SmppWork[] {
  return KINDS.flatMap((kind) => {
    const { name, isText } = kind;
    const fields = Array.from({ length: PACKETS }, (_, i) => fieldsOf(i, kind));
    const npmFields = Array.from({ length: PACKETS }, (_, i) => npmFieldsOf(i, kind));
    const chunk = Buffer.concat(fields.map((each) => smpp.encode("submitSm", each)));
    const theirs = Buffer.concat(npmFields.map((each) => new PDU("submit_sm", each).toBuffer()));
    if (!chunk.equals(theirs)) throw new Error(`${name}: the two encode to different bytes`);
    const decoder = smpp.decoder({ from: "client" });
    return [
      { name: `decode ${name}`, ours: () => decode(decoder, chunk), npm: () => npmDecode(chunk) },
      {
        name: `encode ${name}`,
        ours: () => {
          for (const each of fields) {
            // A text has to be turned into bytes here too.
            const shortMessage = isText ? utf8.encode(TEXT) : each.shortMessage;
            sink += smpp.encode("submitSm", { ...each, shortMessage }).length;
          }
        },
        npm: () => {
          for (const each of npmFields) sink += new PDU("submit_sm", each).toBuffer().length;
        },
      },
    ];
  });
}

function decode(decoder: ReturnType<typeof smpp.decoder>, chunk: Uint8Array): void {
  for (const packet of decoder.push(chunk)) {
    if (packet.packet !== "submitSm") continue;
    const { header, tlvs } = packet;
    sink += header.status + header.sequence + packet.serviceType.length + packet.sourceAddrTon +
      packet.sourceAddrNpi + packet.sourceAddr.length + packet.destAddrTon + packet.destAddrNpi +
      packet.destinationAddr.length + packet.esmClass + packet.protocolId + packet.priorityFlag +
      packet.scheduleDeliveryTime.length + packet.validityPeriod.length +
      packet.registeredDelivery + packet.replaceIfPresentFlag + packet.dataCoding +
      packet.smDefaultMsgId + messageLength(packet.shortMessage, packet.dataCoding) +
      (tlvs.userMessageReference ?? 0) +
      (tlvs.sourcePort ?? 0) + (tlvs.moreMessagesToSend ?? 0);
  }
}

function messageLength(message: Uint8Array, dataCoding: number): number {
  return dataCoding === 0 ? decodeText(message, dataCoding).length : message.length;
}

/** A decoded PDU of the npm package. */
interface Pdu {
  readonly [field: string]: number | string;
}

function npmDecode(chunk: Buffer): void {
  let at = 0;
  const stream: Reads = {
    read(count) {
      if (at + count > chunk.length) return null;
      at += count;
      return chunk.subarray(at - count, at);
    },
  };
  // As its sessions do it.
  for (let size = PDU.commandLength(stream); size !== false; size = PDU.commandLength(stream)) {
    const pdu = PDU.fromStream(stream, size) as unknown as Pdu;
    const { short_message: text } = pdu as unknown as {
      readonly short_message: { readonly message: Uint8Array | string };
    };
    sink += (pdu["command_status"] as number) + (pdu["sequence_number"] as number) +
      length(pdu["service_type"]) + (pdu["source_addr_ton"] as number) +
      (pdu["source_addr_npi"] as number) + length(pdu["source_addr"]) +
      (pdu["dest_addr_ton"] as number) + (pdu["dest_addr_npi"] as number) +
      length(pdu["destination_addr"]) + (pdu["esm_class"] as number) +
      (pdu["protocol_id"] as number) + (pdu["priority_flag"] as number) +
      length(pdu["schedule_delivery_time"]) + length(pdu["validity_period"]) +
      (pdu["registered_delivery"] as number) + (pdu["replace_if_present_flag"] as number) +
      (pdu["data_coding"] as number) + (pdu["sm_default_msg_id"] as number) + text.message.length +
      Number(pdu["user_message_reference"] ?? 0) + Number(pdu["source_port"] ?? 0) +
      Number(pdu["more_messages_to_send"] ?? 0);
  }
}

function length(text: number | string | undefined): number {
  return (text as string).length;
}
