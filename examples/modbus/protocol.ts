/**
 * Modbus/TCP: coils (bits) and holding registers (16 bits), read and written. A request and its reply
 * have the same function code; an exception has that code with the highest bit set.
 */
import {
  array,
  bytes,
  computed,
  constant,
  defineProtocol,
  lengthField,
  sized,
  u16,
  u8,
} from "framewire/protocol";

/** Exception codes. */
export const Exception = {
  illegalFunction: 1,
  illegalAddress: 2,
  illegalValue: 3,
  deviceFailure: 4,
} as const;

/** What a handler throws to answer with an exception. */
export class ModbusException extends Error {
  readonly reason: number;

  constructor(reason: number) {
    super(`Modbus exception ${reason}`);
    this.reason = reason;
  }
}

const span = { address: u16, quantity: u16 };

export const modbus = defineProtocol({
  name: "modbus",
  // The length counts what follows it: the unit, the function code and the data.
  framing: lengthField({ offset: 4, size: 2, minFrameBytes: 8, maxFrameBytes: 260 }),
  header: { transaction: u16, protocol: constant(u16, 0), length: u16, unit: u8, functionCode: u8 },
  kind: "functionCode",
  correlate: "transaction",
  copy: ["unit"],
  ordered: true,
  packets: {
    readCoils: { kind: 1, from: "client", reply: "coils", body: span },
    coils: { kind: 1, from: "server", body: { bits: bytes(u8) } },
    readRegisters: { kind: 3, from: "client", reply: "registers", body: span },
    registers: { kind: 3, from: "server", body: { values: sized(u8, array("rest", u16)) } },
    writeCoil: {
      kind: 5,
      from: "client",
      reply: "coilWritten",
      body: { address: u16, value: u16 }, // 0xff00 is on, 0 is off
    },
    coilWritten: { kind: 5, from: "server", body: { address: u16, value: u16 } },
    writeRegister: {
      kind: 6,
      from: "client",
      reply: "registerWritten",
      body: { address: u16, value: u16 },
    },
    registerWritten: { kind: 6, from: "server", body: { address: u16, value: u16 } },
    writeCoils: {
      kind: 15,
      from: "client",
      reply: "coilsWritten",
      body: { ...span, bits: bytes(u8) },
    },
    coilsWritten: { kind: 15, from: "server", body: span },
    writeRegisters: {
      kind: 16,
      from: "client",
      reply: "registersWritten",
      body: {
        address: u16,
        quantity: computed(u16, (body) => (body["values"] as number[]).length),
        values: sized(u8, array("rest", u16)),
      },
    },
    registersWritten: { kind: 16, from: "server", body: span },
    exception: {
      kind: Array.from({ length: 128 }, (_, code) => code + 128),
      from: "server",
      answersAny: true,
      body: { reason: u8 },
    },
  },
  failure: (_request, error, header) => ({
    packet: "exception",
    header: { functionCode: header.functionCode | 128 },
    body: { reason: error instanceof ModbusException ? error.reason : Exception.deviceFailure },
  }),
  unknown: (header) => ({
    packet: "exception",
    header: { functionCode: header.functionCode | 128 },
    body: { reason: Exception.illegalFunction },
  }),
});

/** Coils as they are sent: eight in a byte, the first in the lowest bit. */
export function packBits(coils: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(coils.length / 8));
  for (const [i, on] of coils.entries()) if (on) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

/** The first `quantity` coils of what was sent. */
export function unpackBits(bits: Uint8Array, quantity: number): boolean[] {
  return Array.from({ length: quantity }, (_, i) => (bits[i >> 3]! >> (i & 7) & 1) === 1);
}
