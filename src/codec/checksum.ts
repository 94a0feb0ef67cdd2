/**
 * Checksums of frames: CRC-32C and CRC-32.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { updateCrc32 } from "./crc32.ts";
import type { CodecChoice } from "./lend.ts";
import { wasmKernels } from "./wasm_kernels.ts";

/**
 * From so many bytes on, WebAssembly is faster for `"auto"`. 64 bytes take 110 ns in TypeScript and
 * 160 in WebAssembly, 1 KiB takes 0.8 and 0.5 µs, 64 KiB 48 and 15 µs (Deno 2.9; bench/codec).
 */
const WORTH_BYTES = 512;

/** A checksum that a frame can end in. */
export interface Checksum {
  /** What protocols call it, such as `"crc32c"`. */
  readonly name: string;
  /** How many bytes it takes in a frame. */
  readonly bytes: 4;
  /**
   * The checksum of `bytes[from, to)`, as an unsigned number. It copies nothing that stays and keeps
   * no state.
   */
  compute(bytes: Uint8Array, from: number, to: number): number;
}

/** The checksums there are: CRC-32C (Castagnoli, RFC 3720 B.4) and CRC-32 (IEEE 802.3, zlib). */
export type ChecksumName = "crc32c" | "crc32";

/**
 * A checksum by its name.
 *
 * @param name Which one.
 * @param codec What computes it; `"auto"` takes the faster one for each length.
 * @throws FramewireError INVALID_OPTION when there is none of that name, UNSUPPORTED when `"wasm"`
 * is asked for and cannot be had.
 *
 * @example End a frame in a checksum, and check it
 * ```ts
 * import { checksumOf, verifyChecksum, writeChecksum } from "framewire/codec";
 *
 * const frame = new Uint8Array(13);
 * frame.set(new TextEncoder().encode("123456789"));
 * const crc = checksumOf("crc32c");
 * writeChecksum(crc, frame, 0, 9);
 * verifyChecksum(crc, frame, 0, 13);
 * ```
 */
export function checksumOf(name: ChecksumName, codec: CodecChoice = "auto"): Checksum {
  if (name !== "crc32c" && name !== "crc32") {
    throw new FramewireError(
      "INVALID_OPTION",
      `there is no checksum ${String(name)}: it must be "crc32c" or "crc32"`,
    );
  }
  const update = updaterOf(codec);
  const ieee = name === "crc32";
  return {
    name,
    bytes: 4,
    compute: (bytes, from, to) => ~update(ieee, bytes, from, to, -1) >>> 0,
  };
}

/**
 * Writes the checksum of `bytes[from, to)` to the four bytes that follow, big endian.
 */
export function writeChecksum(
  checksum: Checksum,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  const sum = checksum.compute(bytes, from, to);
  bytes[to] = sum >>> 24;
  bytes[to + 1] = sum >>> 16;
  bytes[to + 2] = sum >>> 8;
  bytes[to + 3] = sum;
}

/**
 * Checks that `bytes[from, to)` ends in the checksum, big endian, of what is before it.
 *
 * @param streamOffset Where in the received stream `from` is, for the error.
 * @throws FramewireError CHECKSUM_MISMATCH.
 */
export function verifyChecksum(
  checksum: Checksum,
  bytes: Uint8Array,
  from: number,
  to: number,
  streamOffset?: number,
): void {
  const end = to - checksum.bytes;
  if (end >= from) {
    const sum = checksum.compute(bytes, from, end);
    const wanted = bytes[end]! << 24 | bytes[end + 1]! << 16 | bytes[end + 2]! << 8 |
      bytes[end + 3]!;
    if (sum === wanted >>> 0) return;
    throw mismatch(checksum, `is ${hex(sum)}, but it ends in ${hex(wanted >>> 0)}`);
  }
  throw mismatch(checksum, "is missing");

  function mismatch(checksum: Checksum, problem: string): FramewireError {
    return new FramewireError(
      "CHECKSUM_MISMATCH",
      `the ${checksum.name} of a frame of ${to - from} bytes ${problem}`,
      {
        firstBytes: bytes.slice(from, Math.min(to, from + 16)),
        ...(streamOffset !== undefined && { streamOffset }),
      },
    );
  }
}

/**
 * The CRC-32C (Castagnoli) of some bytes: the checksum of iSCSI, RFC 3720 B.4.
 *
 * @param previous The CRC-32C of what came before, to continue it.
 * @returns An unsigned number of 32 bits.
 *
 * @example
 * ```ts
 * import { crc32c } from "framewire/codec";
 *
 * const text = new TextEncoder();
 * const whole = crc32c(text.encode("123456789"));
 * const parts = crc32c(text.encode("6789"), crc32c(text.encode("12345")));
 * if (whole !== 0xe3069283 || parts !== whole) throw new Error("not the check value");
 * ```
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return ~updateAuto(false, bytes, 0, bytes.length, ~previous) >>> 0;
}

/**
 * The CRC-32 (IEEE 802.3) of some bytes: the checksum of Ethernet, zlib and PNG.
 *
 * @param previous The CRC-32 of what came before, to continue it.
 * @returns An unsigned number of 32 bits.
 *
 * @example
 * ```ts
 * import { crc32 } from "framewire/codec";
 *
 * if (crc32(new TextEncoder().encode("123456789")) !== 0xcbf43926) throw new Error("not it");
 * ```
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return ~updateAuto(true, bytes, 0, bytes.length, ~previous) >>> 0;
}

type Update = typeof updateCrc32;

/** The faster one for each length. */
const updateAuto: Update = (ieee, bytes, from, to, state) => {
  const kernels = to - from < WORTH_BYTES ? undefined : wasmKernels("auto");
  return kernels === undefined
    ? updateCrc32(ieee, bytes, from, to, state)
    : kernels.crc32.update(ieee, bytes, from, to, state);
};

function updaterOf(codec: CodecChoice): Update {
  if (codec === "auto") return updateAuto;
  const kernels = wasmKernels(codec);
  if (kernels === undefined) return updateCrc32;
  return (ieee, bytes, from, to, state) => kernels.crc32.update(ieee, bytes, from, to, state);
}

function hex(sum: number): string {
  return `0x${sum.toString(16).padStart(8, "0")}`;
}
