/** What was sent to the wrong port is called by its name. */

import t from "tap";
import { looksLike } from "../../src/codec/looks_like.ts";
import { ScanStatus } from "../../src/codec/codec.ts";
import { guess } from "../../src/codec/guess.ts";
import { borrow } from "../../src/codec/lend.ts";
import { scanError } from "../../src/codec/scan_error.ts";
import { SUBMIT_FRAMING, SUBMIT_KIND } from "../../src/protocol/defined/layouts.ts";
import { bytesOf, fromHex, join, submit } from "../helpers/frames.ts";

const SAMPLES: readonly (readonly [string, string | Uint8Array])[] = [
  ["HTTP", "GET / HTTP/1.1\r\n"],
  ["HTTP", "POST /submit HTTP/1.1\r\n"],
  ["HTTP", "OPTIONS * HTTP/1.1\r\n"],
  ["HTTP", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n"],
  ["TLS", fromHex("16 03 01 02 00 01 00 01 fc 03 03")],
  ["TLS", fromHex("15 03 03 00 02 02 28")],
  ["SSH", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["RDP", fromHex("03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00")],
  ["AMQP", fromHex("41 4d 51 50 00 00 09 01")],
  ["Redis", "*1\r\n$4\r\nPING\r\n"],
  ["Redis", "*12\r\n$3\r\nSET\r\n"],
  ["PROXY protocol v1", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"],
  ["PROXY protocol v2", fromHex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c")],
];

t.test("protocols by their first 16 bytes, and by 4 where those tell", (t) => {
  for (const [name, sample] of SAMPLES) {
    const bytes = bytesOf(sample);
    t.equal(looksLike(bytes.subarray(0, 16)), name, `${name}: 16 bytes`);
    t.equal(looksLike(bytes.subarray(0, 4)), name, `${name}: 4 bytes`);
    t.equal(looksLike(bytes.subarray(0, 1)), undefined, `${name}: 1 byte`);
  }
  t.end();
});

t.test("our own frames and noise look like nothing", (t) => {
  for (const bytes of [submit(1, "GET /"), new Uint8Array(16), bytesOf("GETAWAY"), bytesOf("*x")]) {
    t.equal(looksLike(bytes), undefined);
  }
  t.equal(looksLike(new Uint8Array()), undefined);
  t.end();
});

t.test("the error of a frame says what was expected, what came, and what it may be", (t) => {
  for (const choice of ["wasm", "ts", "auto"] as const) {
    const errorOf = (bytes: Uint8Array, offset = 0) => {
      const scanner = borrow(choice).scanner(SUBMIT_FRAMING, SUBMIT_KIND);
      const table = scanner.scan(bytes, offset, bytes.length, 1048576);
      t.not(table.status, ScanStatus.OK);
      const { consumed } = table;
      return scanError(
        table,
        SUBMIT_FRAMING,
        SUBMIT_KIND,
        1048576,
        7000 + consumed,
        bytes.subarray(consumed),
        guess,
      );
    };
    t.match(errorOf(bytesOf("POST / HTTP/1.1\r\nhost: example.com\r\n")), {
      code: "FRAME_TOO_LARGE",
      message: "frame of 1347375956 bytes is over the limit of 1048576 (maxFrameBytes); " +
        "the first bytes look like HTTP: is an HTTP client connecting to this port?",
      declaredBytes: 1347375956,
      limitBytes: 1048576,
      streamOffset: 7000,
      looksLike: "HTTP",
    });
    const error = errorOf(join(submit(1), fromHex("00 00 00 05 02 61 62 63 64 65 66 67 68")));
    t.match(error, {
      code: "LENGTH_UNDERFLOW",
      message: /^frame of 5 bytes is under the 13 that the shortest frame has; the first bytes /,
      declaredBytes: 5,
      limitBytes: 13,
      streamOffset: 7013,
    });
    t.strictSame(error.firstBytes, fromHex("00 00 00 05 02 61 62 63 64 65 66 67 68"));
  }
  t.end();
});
