/** The Modbus/TCP example against the npm package `jsmodbus`, in both roles, and against mbpoll. */

import { Buffer } from "node:buffer";
import * as net from "node:net";
import jsmodbus from "jsmodbus";
import t from "tap";
import { modbus, packBits, unpackBits } from "../../examples/modbus/protocol.ts";
import { lacks, startExample, startProgram, startServer } from "./program.ts";

/** What a call of jsmodbus resolves to. */
interface Answer {
  readonly response: { readonly body: { readonly valuesAsArray: ArrayLike<number> } };
}

/** A client of jsmodbus. */
interface Master {
  readCoils(start: number, count: number): Promise<Answer>;
  readHoldingRegisters(start: number, count: number): Promise<Answer>;
  readInputRegisters(start: number, count: number): Promise<Answer>;
  writeSingleCoil(address: number, value: boolean): Promise<Answer>;
  writeSingleRegister(address: number, value: number): Promise<Answer>;
  writeMultipleCoils(start: number, values: boolean[]): Promise<Answer>;
  writeMultipleRegisters(start: number, values: number[]): Promise<Answer>;
}

/** A master must see its socket connect. */
function connect(port: number): Promise<{ readonly master: Master; readonly socket: net.Socket }> {
  const socket = new net.Socket();
  const master = new jsmodbus.client.TCP(socket, 9) as unknown as Master;
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, "127.0.0.1", () => resolve({ master, socket }));
  });
}

t.test("a master of jsmodbus reads and writes coils and registers", async (t) => {
  const { port } = await startServer(t, "modbus/server.ts");
  const { master, socket } = await connect(port);
  t.teardown(() => void socket.destroy());
  await master.writeMultipleRegisters(10, [1, 0xffff, 3]);
  await master.writeSingleRegister(11, 77);
  const { response } = await master.readHoldingRegisters(9, 5);
  t.strictSame(Array.from(response.body.valuesAsArray), [0, 1, 77, 3, 0]);
  await master.writeMultipleCoils(3, [true, false, true, true, false, false, true, true, true]);
  await master.writeSingleCoil(4, true);
  const coils = await master.readCoils(2, 11);
  t.strictSame(
    Array.from(coils.response.body.valuesAsArray).slice(0, 11).map(Number),
    [0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0],
  );
  const refused = async (call: Promise<Answer>) => {
    const [outcome] = await Promise.allSettled([call]);
    const { response } = (outcome as PromiseRejectedResult).reason as {
      readonly response: { readonly body: { readonly code: number } };
    };
    return response.body.code;
  };
  t.equal(await refused(master.readHoldingRegisters(998, 5)), 2, "illegal data address");
  t.equal(await refused(master.readInputRegisters(0, 1)), 1, "illegal function");
});

t.test("the example's client works with a server of jsmodbus", async (t) => {
  const holding = Buffer.alloc(64);
  const coils = Buffer.alloc(8);
  const listener = net.createServer();
  t.teardown(() => void listener.close());
  new jsmodbus.server.TCP(listener, { holding, coils });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as net.AddressInfo;
  const url = `tcp://127.0.0.1:${port}`;
  const { stdout, stderr, code } = await startExample(t, "modbus/client.ts", [
    url,
    "2",
    "7",
    "8",
    "65535",
  ]).ended;
  t.equal(code, 0, stderr);
  t.equal(stdout, "registers: 7 8 65535\ncoils: 1 0 1\n");
  t.equal(holding.toString("hex", 4, 10), "00070008ffff");
});

t.test("the example's client is told what its own server refuses", async (t) => {
  const { port } = await startServer(t, "modbus/server.ts");
  const url = `tcp://127.0.0.1:${port}`;
  const { stdout } = await startExample(t, "modbus/client.ts", [url, "999", "1", "2"]).ended;
  t.equal(stdout, "refused with exception 2\n");
});

t.test("mbpoll writes and reads registers and coils", {
  skip: lacks("mbpoll", "mbpoll"),
}, async (t) => {
  const { port } = await startServer(t, "modbus/server.ts");
  const poll = (...args: string[]) =>
    startProgram(t, "mbpoll", ["-m", "tcp", "-p", String(port), "-0", "-1", "-a", "5", ...args])
      .ended;
  const wrote = await poll("-r", "20", "127.0.0.1", "11", "22", "33");
  t.match(wrote.stdout, /Written 3 references/, wrote.stderr);
  const read = await poll("-r", "19", "-c", "5", "127.0.0.1");
  t.match(read.stdout, /\[19\]:\s+0\s+\[20\]:\s+11\s+\[21\]:\s+22\s+\[22\]:\s+33\s+\[23\]:\s+0/);
  t.match((await poll("-t", "0", "-r", "7", "127.0.0.1", "1")).stdout, /Written 1 reference/);
  t.match((await poll("-t", "0", "-r", "6", "-c", "3", "127.0.0.1")).stdout, /\[7\]:\s+1/);
  const refused = await poll("-r", "5000", "127.0.0.1");
  t.match(refused.stderr, /Illegal data address/);
});

t.test("coils are packed from the lowest bit on", (t) => {
  const coils = [true, false, false, false, false, false, false, true, true];
  t.strictSame(packBits(coils), new Uint8Array([0x81, 0x01]));
  t.strictSame(unpackBits(packBits(coils), coils.length), coils);
  t.end();
});

t.test("a packet is as the specification shows it", (t) => {
  const frame = modbus.encode("readRegisters", {
    address: 0x006b,
    quantity: 3,
    header: { transaction: 0x1501, unit: 0xff },
  });
  t.equal(Buffer.from(frame).toString("hex"), "150100000006ff03006b0003");
  t.end();
});
