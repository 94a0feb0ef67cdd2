/**
 * Writes holding registers and coils of a device and reads them again.
 *
 *   deno run -A examples/modbus/client.ts [url] [address] [value…]
 */
import process from "node:process";
import { connect, isFramewireError } from "framewire";
import { modbus, packBits, unpackBits } from "./protocol.ts";

const [url = "tcp://127.0.0.1:1502", start = "0", ...words] = process.argv.slice(2);
const address = Number(start);
const values = words.length > 0 ? words.map(Number) : [1, 2, 3];
const quantity = values.length;
const header = { unit: 1 };

const client = await connect(url, { protocol: modbus });
try {
  await client.call("writeRegisters", { address, values, header });
  const read = await client.call("readRegisters", { address, quantity, header });
  console.log(`registers: ${read.values.join(" ")}`);

  const odd = values.map((value) => value % 2 === 1);
  await client.call("writeCoils", { address, quantity, bits: packBits(odd), header });
  await client.call("writeCoil", { address, value: 0xff00, header });
  const { bits } = await client.call("readCoils", { address, quantity, header });
  console.log(`coils: ${unpackBits(bits, quantity).map(Number).join(" ")}`);
} catch (error) {
  if (!isFramewireError(error, "RESULT_FAILED")) throw error;
  console.log(`refused with exception ${error.reply?.["reason"]}`);
} finally {
  await client.close();
}
