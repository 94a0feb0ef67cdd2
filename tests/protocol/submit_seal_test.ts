/**
 * The features crc32c and lz4 on frames of the submit protocol.
 *
 * @module
 */
import t from "tap";
import { openSubmitFrame, sealSubmitFrame } from "../../src/protocol/mod.ts";

const MAX = 1 << 20;

function submit(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(13 + payload.length);
  new DataView(frame.buffer).setUint32(0, frame.length);
  frame[4] = 0x02;
  frame.set(new TextEncoder().encode("00000001"), 5);
  frame.set(payload, 13);
  return frame;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

t.test("a checksum is the CRC-32C of all bytes before it and counts in the total", (t) => {
  const sealed = sealSubmitFrame(submit(new TextEncoder().encode("hello")), { crc32c: true });
  // Worked out by another program: crc32c("\0\0\0\x16\x02" "00000001" "hello").
  t.equal(hex(sealed.subarray(0, 18)), "0000001602303030303030303168656c6c6f");
  t.equal(hex(sealed.subarray(18)), "c8065c73");
  t.equal(
    hex(openSubmitFrame(sealed, { crc32c: true }, MAX).subarray(4)),
    hex(sealed.subarray(4, 18)),
  );
  for (let i = 0; i < sealed.length; i++) {
    const broken = sealed.slice();
    broken[i]! ^= 0x10;
    t.throws(() => openSubmitFrame(broken, { crc32c: true }, MAX), { code: "CHECKSUM_MISMATCH" });
  }
  t.end();
});

t.test("a body is compressed only when that makes the frame smaller", (t) => {
  const features = { lz4: true };
  const text = submit(new TextEncoder().encode("abcdefgh".repeat(100)));
  const sealed = sealSubmitFrame(text, features);
  t.ok(sealed.length < 60);
  t.equal(sealed[4], 0x42);
  const view = new DataView(sealed.buffer);
  t.equal(view.getUint32(0), sealed.length);
  t.equal(view.getUint32(13), 800, "the raw length");
  t.equal(hex(openSubmitFrame(sealed, features, MAX)), hex(text));
  const noise = submit(Uint8Array.from({ length: 500 }, (_, i) => (i * i * 7919) >> 5));
  t.equal(sealSubmitFrame(noise, features), noise, "the same memory");
  t.equal(openSubmitFrame(noise, features, MAX), noise);
  t.end();
});

t.test("both features together come back, whatever the length", (t) => {
  const features = { crc32c: true, lz4: true };
  for (const length of [0, 1, 63, 64, 1000, 100_000]) {
    const frame = submit(Uint8Array.from({ length }, (_, i) => i % 50));
    const opened = openSubmitFrame(sealSubmitFrame(frame, features), features, MAX);
    t.equal(hex(opened.subarray(4)), hex(frame.subarray(4)));
  }
  t.end();
});

t.test("what cannot be opened is refused by its code", (t) => {
  const lz4 = { lz4: true };
  const sealed = sealSubmitFrame(submit(new Uint8Array(1000)), lz4);
  t.throws(() => openSubmitFrame(sealed, {}, MAX), { code: "UNEXPECTED_PACKET" });
  t.throws(() => openSubmitFrame(sealed, lz4, 1000), { code: "FRAME_TOO_LARGE" });
  const short = submit(new Uint8Array(3));
  short[4] = 0x42;
  t.throws(() => openSubmitFrame(short, lz4, MAX), { code: "DECOMPRESSION_FAILED" });
  const lying = sealed.slice();
  new DataView(lying.buffer).setUint32(13, 1001);
  t.throws(() => openSubmitFrame(lying, lz4, MAX), { code: "DECOMPRESSION_FAILED" });
  t.throws(() => openSubmitFrame(new Uint8Array(2), { crc32c: true }, MAX), {
    code: "CHECKSUM_MISMATCH",
  });
  t.end();
});
