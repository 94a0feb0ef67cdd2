/**
 * Compression of bodies: LZ4 by the codec itself, anything else by functions passed in.
 *
 * @module
 */
import { FramewireError, isFramewireError } from "../errors.ts";
import type { CodecChoice } from "./lend.ts";
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { wasmKernels } from "./wasm_kernels.ts";

/**
 * A shorter body than this is faster to decompress in TypeScript: 64 bytes take 1 µs there and 1.3 in
 * WebAssembly, 1 KiB takes 4.3 and 2.4 (Deno 2.9; bench/codec). Compressing never is.
 */
const WORTH_BYTES = 192;

/** The longest body that is compressed or decompressed: 1 GiB. */
const MAX_RAW_BYTES = 1 << 30;

/** A compression that the bodies of packets can have. It keeps nothing from one body to the next. */
export interface Compression {
  /** What protocols call it, such as `"lz4"`. */
  readonly name: string;
  /**
   * Compresses a body.
   *
   * @returns The compressed bytes, or undefined when they would not be fewer.
   */
  compress(bytes: Uint8Array): Uint8Array | undefined;
  /**
   * Decompresses a body whose length is known. No more than `rawBytes` are ever written.
   *
   * @param rawBytes The body's length, in bytes; checked against the frame's limit beforehand.
   * @throws FramewireError DECOMPRESSION_FAILED when the bytes are malformed, or hold more or fewer.
   */
  decompress(bytes: Uint8Array, rawBytes: number): Uint8Array;
}

/** What {@linkcode compressionFrom} makes a compression of: the sync functions of some library. */
export interface CompressionFunctions {
  /** What protocols call it. */
  readonly name: string;
  /** Compresses all of it. */
  compress(bytes: Uint8Array): Uint8Array;
  /** Decompresses all of it, and throws when that is over `maxBytes` or when it is malformed. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}

/**
 * LZ4 blocks, without a frame around them: the length travels beside the block.
 *
 * @param codec What compresses; `"auto"` takes the faster one for each length.
 * @throws FramewireError UNSUPPORTED when `"wasm"` is asked for and cannot be had.
 *
 * @example
 * ```ts
 * import { lz4 } from "framewire/codec";
 *
 * const body = new Uint8Array(1000).fill(7);
 * const block = lz4().compress(body);
 * if (block === undefined || lz4().decompress(block, 1000).length !== 1000) throw new Error("no");
 * ```
 */
export function lz4(codec: CodecChoice = "auto"): Compression {
  const kernel = wasmKernels(codec)?.lz4;
  const worthBytes = codec === "auto" ? WORTH_BYTES : 0;
  return {
    name: "lz4",
    compress(bytes) {
      const limit = checkRawBytes(bytes.length) - 1;
      if (limit < 0) return undefined;
      return kernel === undefined ? compressLz4(bytes, limit) : kernel.compress(bytes, limit);
    },
    decompress(bytes, rawBytes) {
      checkRawBytes(rawBytes);
      return kernel === undefined || rawBytes < worthBytes
        ? decompressLz4(bytes, rawBytes)
        : kernel.decompress(bytes, rawBytes);
    },
  };
}

/**
 * A compression out of the functions that some library or runtime has.
 *
 * @param functions Synchronous ones; `decompress` must not write more than it is told.
 *
 * @example
 * ```ts
 * import { compressionFrom } from "framewire/codec";
 * import { deflateRawSync, inflateRawSync } from "node:zlib";
 *
 * const fast = compressionFrom({
 *   name: "deflate",
 *   compress: (bytes) => deflateRawSync(bytes, { level: 1 }),
 *   decompress: (bytes, maxBytes) => inflateRawSync(bytes, { maxOutputLength: maxBytes }),
 * });
 * const packed = fast.compress(new Uint8Array(1000));
 * if (packed === undefined || fast.decompress(packed, 1000).length !== 1000) throw new Error("no");
 * ```
 */
export function compressionFrom(functions: CompressionFunctions): Compression {
  const { name } = functions;
  return {
    name,
    compress(bytes) {
      checkRawBytes(bytes.length);
      const packed = functions.compress(bytes);
      return packed.length < bytes.length ? packed : undefined;
    },
    decompress(bytes, rawBytes) {
      checkRawBytes(rawBytes);
      let raw: Uint8Array;
      try {
        // Some libraries refuse a maximum of 0.
        raw = functions.decompress(bytes, Math.max(1, rawBytes));
      } catch (cause) {
        if (isFramewireError(cause)) throw cause;
        throw failed(name, bytes.length, rawBytes, "it is malformed or holds more", cause);
      }
      if (raw.length !== rawBytes) {
        throw failed(name, bytes.length, rawBytes, `it holds ${raw.length}`);
      }
      return raw;
    },
  };
}

function failed(
  name: string,
  packedBytes: number,
  rawBytes: number,
  problem: string,
  cause?: unknown,
): FramewireError {
  return new FramewireError(
    "DECOMPRESSION_FAILED",
    `the ${name} body of ${packedBytes} bytes is declared to hold ${rawBytes}, but ${problem}`,
    { declaredBytes: rawBytes, cause },
  );
}

function checkRawBytes(rawBytes: number): number {
  if (Number.isInteger(rawBytes) && rawBytes >= 0 && rawBytes <= MAX_RAW_BYTES) return rawBytes;
  throw new FramewireError(
    "INVALID_OPTION",
    `a body of ${rawBytes} bytes: it must be a whole number from 0 to ${MAX_RAW_BYTES}`,
  );
}
