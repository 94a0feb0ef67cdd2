/**
 * A device with 1000 coils and 1000 holding registers.
 *
 *   deno run -A examples/modbus/server.ts [port]
 */
import process from "node:process";
import { serve } from "framewire";
import { Exception, modbus, ModbusException, packBits, unpackBits } from "./protocol.ts";

const [port = "1502"] = process.argv.slice(2);

const coils: boolean[] = new Array(1000).fill(false);
const registers = new Uint16Array(1000);

/** Checks what is asked for against what there is, and what fits into a packet. */
function check(address: number, quantity: number, most: number): void {
  if (quantity < 1 || quantity > most) throw new ModbusException(Exception.illegalValue);
  if (address + quantity > registers.length) throw new ModbusException(Exception.illegalAddress);
}

const server = await serve({
  port: Number(port),
  protocol: modbus,
  on: { error: (error) => console.error(error.message) },
}, {
  readCoils({ address, quantity }) {
    check(address, quantity, 2000);
    return { bits: packBits(coils.slice(address, address + quantity)) };
  },
  readRegisters({ address, quantity }) {
    check(address, quantity, 125);
    return { values: [...registers.subarray(address, address + quantity)] };
  },
  writeCoil({ address, value }) {
    check(address, 1, 1);
    if (value !== 0 && value !== 0xff00) throw new ModbusException(Exception.illegalValue);
    coils[address] = value !== 0;
    return { address, value };
  },
  writeRegister({ address, value }) {
    check(address, 1, 1);
    registers[address] = value;
    return { address, value };
  },
  writeCoils({ address, quantity, bits }) {
    check(address, quantity, 1968);
    if (bits.length !== Math.ceil(quantity / 8)) throw new ModbusException(Exception.illegalValue);
    coils.splice(address, quantity, ...unpackBits(bits, quantity));
    return { address, quantity };
  },
  writeRegisters({ address, quantity, values }) {
    check(address, quantity, 123);
    if (values.length !== quantity) throw new ModbusException(Exception.illegalValue);
    registers.set(values, address);
    return { address, quantity };
  },
});
console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
