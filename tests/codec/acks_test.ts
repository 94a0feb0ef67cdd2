/** Acknowledgements of a batch, encoded in one call. */

import t from "tap";
import { borrow } from "../../src/codec/lend.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../src/protocol/defined/layouts.ts";
import { ack, frame, join, submit, submits } from "../helpers/frames.ts";

for (const choice of ["wasm", "ts", "auto"] as const) {
  const codec = borrow(choice);
  const scanner = codec.scanner(SUBMIT_FRAMING, SUBMIT_KIND);

  t.test(`${choice}: batches of every size, each frame with its own result`, (t) => {
    for (const count of [...Array(140).keys(), 1000, 5041]) {
      const chunk = submits(count, 1);
      const table = scanner.scan(chunk, 0, chunk.length, 1 << 20);
      if (table.count !== count) return t.fail(`${table.count} of ${count} frames`);
      for (let i = 0; i < count; i++) codec.results[i] = i * 31;
      const expected = join(...Array.from({ length: count }, (_, i) => ack(i + 1, i * 31 & 255)));
      const out = new Uint8Array(count * 14);
      const written = codec.encodeAcks(chunk, 0, count, out, 0);
      if (written !== out.length || !same(out, expected)) t.strictSame(out, expected, `${count}`);
    }
    t.pass();
    t.end();
  });

  t.test(`${choice}: part of a batch, to the middle of a buffer, and nothing beside it`, (t) => {
    const chunk = join(new Uint8Array(700), submits(200, 1, "some payload"));
    const table = scanner.scan(chunk, 700, chunk.length, 1 << 20);
    t.equal(table.count, 200);
    codec.results.fill(0, 0, 200);
    codec.results[12] = 1;
    for (const [first, last] of [[10, 14], [0, 1], [199, 200], [3, 3], [5, 190]] as const) {
      const acks = Array.from(
        { length: last - first },
        (_, i) => ack(first + i + 1, first + i === 12 ? 1 : 0),
      );
      const edge = new Uint8Array(9).fill(0xaa);
      const out = new Uint8Array(18 + (last - first) * 14).fill(0xaa);
      t.equal(codec.encodeAcks(chunk, first, last, out, 9), (last - first) * 14);
      t.strictSame(out, join(edge, ...acks, edge), `frames ${first} to ${last}`);
    }
    t.end();
  });

  t.test(`${choice}: every command gets its reply bit, and every byte of an id comes back`, (t) => {
    const id = "\x00\xff\x80\x7f\x01\xfe\x0e\x0d";
    for (const many of [1, 100]) {
      const commands = Array.from({ length: many }, (_, i) => [0x01, 0x02, 0x3f, 0x7f][i % 4]!);
      const chunk = join(...commands.map((command) => frame(command, id)));
      scanner.scan(chunk, 0, chunk.length, 1 << 20);
      codec.results.fill(255, 0, many);
      const out = new Uint8Array(many * 14);
      codec.encodeAcks(chunk, 0, many, out, 0);
      const expected = commands.map((command) => frame(command | 0x80, id, Uint8Array.of(255)));
      t.strictSame(out, join(...expected));
    }
    t.end();
  });

  t.test(`${choice}: frames with bodies beyond the window`, (t) => {
    const chunk = join(
      submits(30, 1, "x"),
      submit(31, new Uint8Array(64_000)),
      submit(32, new Uint8Array(100_000)),
    );
    const table = scanner.scan(chunk, 0, chunk.length, 1 << 20);
    t.equal(table.count, 32);
    codec.results.fill(0, 0, 32);
    const out = new Uint8Array(32 * 14);
    codec.encodeAcks(chunk, 0, 32, out, 0);
    t.strictSame(out, join(...Array.from({ length: 32 }, (_, i) => ack(i + 1))));
    t.end();
  });
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
