/** What a malformed frame is told to look like when it is our own protocol that went wrong. */

import t from "tap";
import { createDecoder } from "../../src/codec/decoder.ts";
import { type Framing, lengthField, varint } from "../../src/codec/framing.ts";
import { isFramewireError } from "../../src/errors.ts";
import { bytesOf, join, random, randomBytes, submit, u32 } from "../helpers/frames.ts";
import { CODECS } from "../helpers/settings.ts";

const SUBMIT = lengthField({ counts: "frame", minFrameBytes: 13 });

/** What the error of a stream says it looks like. */
function looksOf(framing: Framing, stream: Uint8Array, codec: "wasm" | "ts"): string | undefined {
  try {
    for (const _ of createDecoder(framing, { codec }).push(stream)) { /* before the error */ }
  } catch (error) {
    if (isFramewireError(error)) return error.looksLike;
    throw error;
  }
  return "no error";
}

for (const codec of CODECS) {
  t.test(`a length in the other byte order (${codec})`, (t) => {
    const little = (length: number) => u32(length).reverse();
    const frame = join(little(20), new Uint8Array(16).fill(1));
    t.equal(looksOf(SUBMIT, frame, codec), "a byte-swapped length");
    t.equal(looksOf(SUBMIT, join(frame, frame), codec), "a byte-swapped length");
    const swapped = lengthField({ size: 4, endian: "little" });
    t.equal(looksOf(swapped, join(u32(16), randomBytes(1, 16)), codec), "a byte-swapped length");
    const error = t.throws(() => [...createDecoder(SUBMIT, { codec }).push(frame)]) as Error;
    t.match(error.message, /look like a byte-swapped length/);
    t.end();
  });

  t.test(`bytes too many between two frames (${codec})`, (t) => {
    for (const extra of ["\r\n", "x", "12345", "-- this should not be here --"]) {
      const bytes = bytesOf(extra);
      const stream = join(submit(1, "hello"), bytes, submit(2, "more"), submit(3, "text"));
      const many = bytes.length === 1 ? "1 byte" : `${bytes.length} bytes`;
      t.equal(looksOf(SUBMIT, stream, codec), `our own header ${many} further on`, extra);
    }
    t.end();
  });

  t.test(`a length that got lost: the stream begins at the next field (${codec})`, (t) => {
    // node-smpp issue 78: 0x80000009 taken for a length is a command.
    const pdu = (command: number, body: string) =>
      join(u32(16 + body.length), u32(command), u32(0), u32(1), bytesOf(body));
    const smpp = lengthField({ counts: "frame", minFrameBytes: 16, maxFrameBytes: 65_536 });
    const stream = join(pdu(0x80000009, "Smppsim\0").subarray(4), pdu(0x80000004, "42\0"));
    t.equal(looksOf(smpp, stream, codec), "our own header 20 bytes further on");
    t.end();
  });

  t.test(`other protocols are named before our own header is looked for (${codec})`, (t) => {
    const get = bytesOf("GET / HTTP/1.1\r\n\r\n");
    t.equal(looksOf(SUBMIT, join(get, submit(1), submit(2)), codec), "HTTP");
    t.end();
  });
}

t.test("noise looks like nothing, nearly always", (t) => {
  let named = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const noise = randomBytes(seed, 16 + random(seed)(200));
    noise[0] = 0xff; // over the limit in either byte order
    noise[3]! |= 0x80;
    const name = looksOf(SUBMIT, noise, "ts");
    if (name === "no error") t.fail(`seed ${seed} is a frame`);
    else if (name !== undefined) named++;
  }
  t.ok(named < 20, `${named} of 400`);
  t.equal(looksOf(SUBMIT, new Uint8Array(64).fill(0xff), "ts"), undefined);
  t.equal(looksOf(varint({ maxFrameBytes: 9 }), new Uint8Array(64).fill(100), "ts"), undefined);
  t.end();
});
