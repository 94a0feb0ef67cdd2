/**
 * SMPP 3.4, as far as a message centre and its clients need it: binding, messages both ways, receipts
 * and keep-alive. Section numbers are those of the specification.
 */
import {
  bytes,
  cstring,
  defineProtocol,
  lengthField,
  optional,
  rest,
  tlvs,
  u16,
  u32,
  u8,
  withDefault,
} from "framewire/protocol";

/** Values of `header.status` (5.1.3). */
export const Status = {
  ok: 0x00,
  invalidCommand: 0x03,
  incorrectBindStatus: 0x04,
  alreadyBound: 0x05,
  systemError: 0x08,
  invalidPassword: 0x0e,
} as const;

const zero = withDefault(u8, 0);

/** Optional parameters (5.3.2); others come as bytes under `others`. */
const parameters = tlvs(u16, u16, {
  payloadType: [0x0019, u8],
  receiptedMessageId: [0x001e, cstring(65)],
  privacyIndicator: [0x0201, u8],
  sourceSubaddress: [0x0202, rest()],
  destSubaddress: [0x0203, rest()],
  userMessageReference: [0x0204, u16],
  userResponseCode: [0x0205, u8],
  sourcePort: [0x020a, u16],
  destinationPort: [0x020b, u16],
  sarMsgRefNum: [0x020c, u16],
  languageIndicator: [0x020d, u8],
  sarTotalSegments: [0x020e, u8],
  sarSegmentSeqnum: [0x020f, u8],
  scInterfaceVersion: [0x0210, u8],
  callbackNum: [0x0381, rest()],
  networkErrorCode: [0x0423, bytes(3)],
  messagePayload: [0x0424, rest()],
  deliveryFailureReason: [0x0425, u8],
  moreMessagesToSend: [0x0426, u8],
  messageState: [0x0427, u8],
});

/** bind_transmitter, bind_receiver and bind_transceiver (4.1.1). */
const bind = {
  systemId: cstring(16),
  password: withDefault(cstring(9), ""),
  systemType: withDefault(cstring(13), ""),
  interfaceVersion: withDefault(u8, 0x34),
  addrTon: zero,
  addrNpi: zero,
  addressRange: withDefault(cstring(41), ""),
};

// A response with an error status may end behind its header: then its fields are undefined.
const bindResp = { systemId: optional(cstring(16)), tlvs: parameters };

/** submit_sm (4.4.1) and deliver_sm (4.6.1). */
const message = {
  serviceType: withDefault(cstring(6), ""),
  sourceAddrTon: zero,
  sourceAddrNpi: zero,
  sourceAddr: withDefault(cstring(21), ""),
  destAddrTon: zero,
  destAddrNpi: zero,
  destinationAddr: withDefault(cstring(21), ""),
  esmClass: zero,
  protocolId: zero,
  priorityFlag: zero,
  scheduleDeliveryTime: withDefault(cstring(17), ""),
  validityPeriod: withDefault(cstring(17), ""),
  registeredDelivery: zero,
  replaceIfPresentFlag: zero,
  dataCoding: zero,
  smDefaultMsgId: zero,
  shortMessage: withDefault(bytes(u8), new Uint8Array(0)),
  tlvs: parameters,
};

const messageResp = { messageId: optional(cstring(65)), tlvs: parameters };

export const smpp = defineProtocol({
  name: "smpp",
  framing: lengthField({ size: 4, counts: "frame", minFrameBytes: 16, maxFrameBytes: 64 * 1024 }),
  header: { length: u32, command: u32, status: u32, sequence: u32 },
  kind: "command",
  correlate: "sequence",
  replyBit: 0x8000_0000,
  packets: {
    bindReceiver: { kind: 0x01, from: "client", reply: "bindReceiverResp", body: bind },
    bindReceiverResp: { kind: 0x8000_0001, from: "server", body: bindResp },
    bindTransmitter: { kind: 0x02, from: "client", reply: "bindTransmitterResp", body: bind },
    bindTransmitterResp: { kind: 0x8000_0002, from: "server", body: bindResp },
    bindTransceiver: { kind: 0x09, from: "client", reply: "bindTransceiverResp", body: bind },
    bindTransceiverResp: { kind: 0x8000_0009, from: "server", body: bindResp },
    submitSm: { kind: 0x04, from: "client", reply: "submitSmResp", body: message },
    submitSmResp: { kind: 0x8000_0004, from: "server", body: messageResp },
    deliverSm: { kind: 0x05, from: "server", reply: "deliverSmResp", body: message },
    deliverSmResp: { kind: 0x8000_0005, from: "client", body: messageResp },
    enquireLink: { kind: 0x15, reply: "enquireLinkResp" },
    enquireLinkResp: { kind: 0x8000_0015 },
    unbind: { kind: 0x06, reply: "unbindResp" },
    unbindResp: { kind: 0x8000_0006 },
    genericNack: { kind: 0x8000_0000, answersAny: true },
  },
  failure: (request) => ({ packet: `${request}Resp`, header: { status: Status.systemError } }),
  unknown: () => ({ packet: "genericNack", header: { status: Status.invalidCommand } }),
});

const utf8 = new TextDecoder();
const utf16 = new TextDecoder("utf-16be");

/** The text of a message, by its coding (5.2.19): UCS-2, or else ASCII. GSM 03.38 is left out. */
export function decodeText(bytes: Uint8Array, dataCoding: number): string {
  return (dataCoding === 8 ? utf16 : utf8).decode(bytes);
}

/** A text as a message has it: ASCII where that is enough, else UCS-2. */
export function encodeText(text: string): { shortMessage: Uint8Array; dataCoding: number } {
  const isAscii = [...text].every((char) => char <= "\x7f");
  if (isAscii) return { shortMessage: new TextEncoder().encode(text), dataCoding: 0 };
  const units = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i++) units.setUint16(i * 2, text.charCodeAt(i));
  return { shortMessage: new Uint8Array(units.buffer), dataCoding: 8 };
}
