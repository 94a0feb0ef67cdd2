/**
 * Compressions that the runtime brings along, through `node:zlib`: Node, Deno and Bun have it, and
 * workerd with its `nodejs_compat` flag.
 *
 * It is asked for when a compression is made, and never imported: a program that uses none loads
 * nothing, and a browser's bundle holds no trace of it.
 *
 * @module
 */
import { type Compression, compressionFrom } from "../codec/compression.ts";
import { FramewireError } from "../errors.ts";
import { runtimeName } from "./runtime_name.ts";

/** What is used of `node:zlib`. */
interface Zlib {
  deflateRawSync(bytes: Uint8Array, options: { level?: number }): Uint8Array;
  inflateRawSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  zstdCompressSync?(bytes: Uint8Array, options: ZstdOptions): Uint8Array;
  zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
}

interface ZstdOptions {
  params?: Record<number, number>;
}

/** Options of {@linkcode deflate} and {@linkcode zstd}. */
export interface LevelOptions {
  /** How hard to compress: 1 to 9 for deflate, 1 to 22 for zstd; by default the runtime's own. */
  readonly level?: number;
}

/**
 * Raw deflate (RFC 1951), without a header or a checksum.
 *
 * @throws FramewireError UNSUPPORTED when the runtime has none.
 */
export function deflate(options: LevelOptions = {}): Compression {
  const zlib = loadZlib("deflate");
  return compressionFrom({
    name: "deflate",
    compress: (bytes) => zlib.deflateRawSync(bytes, { ...options }),
    decompress: (bytes, maxOutputLength) => zlib.inflateRawSync(bytes, { maxOutputLength }),
  });
}

/**
 * Zstandard frames (RFC 8878).
 *
 * @throws FramewireError UNSUPPORTED when the runtime has none: Node has it since 22.15 and 23.8.
 */
export function zstd(options: LevelOptions = {}): Compression {
  const zlib = loadZlib("zstd");
  const { zstdCompressSync, zstdDecompressSync, constants } = zlib;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) throw missing("zstd");
  const level = constants.ZSTD_c_compressionLevel;
  const compressOptions: ZstdOptions = options.level === undefined || level === undefined
    ? {}
    : { params: { [level]: options.level } };
  return compressionFrom({
    name: "zstd",
    compress: (bytes) => zstdCompressSync(bytes, compressOptions),
    decompress: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
  });
}

function loadZlib(wanted: string): Zlib {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): Zlib | undefined };
  };
  const zlib = process?.getBuiltinModule?.("node:zlib");
  if (zlib?.deflateRawSync === undefined) throw missing(wanted);
  return zlib;
}

function missing(wanted: string): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    `${runtimeName()} has no ${wanted} in node:zlib: use lz4, or compressionFrom() with a library`,
  );
}
