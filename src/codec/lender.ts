/**
 * Codecs that are lent: one instance of each kind, and spare ones in TypeScript for nested use.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { AutoCodec, type MakeTs } from "./auto_codec.ts";
import type { Codec } from "./codec.ts";
import type { FrameConsumer } from "./frame_consumer.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { FrameSkipper } from "./frame_skipper.ts";
import type { Framing, KindField } from "./framing_types.ts";
import type { Guess } from "./guess.ts";
import type { FindScans } from "./framing_scans.ts";
import type { StreamDecoder } from "./stream_decoder.ts";
import { WasmCodec } from "./wasm_codec.ts";

/**
 * Which codec to use: one of the two by name, or with `"auto"` the faster one for each chunk, as
 * `auto_codec.ts` has measured it; only TypeScript where WebAssembly is not allowed.
 */
export type CodecChoice = "auto" | "wasm" | "ts";

/** Codecs for streams whose choice was made. */
export interface Codecs {
  /**
   * The codec of the chosen kind, which may be {@linkcode Codec.busy}: for those who keep it for
   * long, and look each time.
   *
   * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
   */
  own(): Codec;
  /**
   * Lends the codec of the chosen kind, or, while that one is {@linkcode Codec.busy}, a spare one in
   * TypeScript: a handler inside a batch may decode a stream of its own.
   *
   * The borrower sets `busy` while it needs the table or the results to stay.
   *
   * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
   */
  borrow(): Codec;
  /**
   * Makes the decoder of a connection's stream.
   *
   * @param kind Where the kind of a frame stands, if there is one to report.
   * @param maxFrameBytes The longest frame taken, all of it.
   * @throws FramewireError INVALID_CONFIG.
   */
  decoder(
    framing: Framing,
    kind: KindField | undefined,
    maxFrameBytes: number,
    consumer: FrameConsumer,
  ): StreamDecoder;
  /** What decoders can do besides. */
  readonly aids: DecoderAids;
}

/** What decoders can do besides cutting a stream into frames. */
export interface DecoderAids {
  /** Makes what skips frames over the limit; without it they end the stream. */
  skipper?(codecs: Codecs): FrameSkipper;
  /** Guesses what came in place of a frame; without it errors show the bytes alone. */
  guess?(framing: Framing, bytes: Uint8Array, maxFrameBytes: number): Guess | undefined;
}

/** codec.wasm, compiled, or why that cannot be had. */
export interface Compiled {
  /** The module; undefined where compiling is not allowed. */
  readonly module?: WebAssembly.Module | undefined;
  /** Why there is no module. */
  readonly failure?: unknown;
}

/** Lends codecs. */
export class Lender {
  readonly #find: FindScans;
  readonly #makeTs: MakeTs;
  readonly #compile: () => Compiled;
  #failure: unknown;
  readonly #aids: DecoderAids;
  #auto: AutoCodec | undefined;
  #wasm: WasmCodec | undefined;
  readonly #spare: Codec[] = [];
  readonly #chosen = new Map<CodecChoice, Codecs>();

  /**
   * @param find Finds the scans of framings.
   * @param makeTs Makes codecs in TypeScript.
   * @param compile Compiles codec.wasm; asked when WebAssembly is first wanted.
   * @param aids What decoders can do besides.
   */
  constructor(
    find: FindScans,
    makeTs: MakeTs,
    compile: () => Compiled,
    aids: DecoderAids = {},
  ) {
    this.#aids = aids;
    this.#find = find;
    this.#makeTs = makeTs;
    this.#compile = compile;
  }

  /** The codecs that a choice means. */
  of(choice: CodecChoice): Codecs {
    const known = this.#chosen.get(choice);
    if (known !== undefined) return known;
    const codecs: Codecs = {
      own: () => this.#own(choice),
      borrow: () => this.#borrow(choice),
      decoder: (framing, kind, maxFrameBytes, consumer) =>
        new FrameDecoder(framing, kind, codecs, maxFrameBytes, consumer),
      aids: this.#aids,
    };
    this.#chosen.set(choice, codecs);
    return codecs;
  }

  /**
   * Decides which codec a choice means.
   *
   * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
   */
  resolve(choice: CodecChoice): "wasm" | "ts" {
    if (choice === "ts") return "ts";
    if (this.#load(choice) !== undefined) return "wasm";
    if (choice === "auto") return "ts";
    throw noWasm(this.#failure);
  }

  /** Why WebAssembly cannot be used, as far as that was tried. */
  get failure(): unknown {
    return this.#failure;
  }

  #own(choice: CodecChoice): Codec {
    if (this.resolve(choice) === "ts") return this.#spare[0] ?? this.#another();
    return choice === "auto" ? this.#auto! : this.#wasm!;
  }

  #borrow(choice: CodecChoice): Codec {
    const own = this.#own(choice);
    if (!own.busy) return own;
    for (const codec of this.#spare) if (!codec.busy) return codec;
    return this.#another();
  }

  #another(): Codec {
    const codec = this.#makeTs(this.#find);
    this.#spare.push(codec);
    return codec;
  }

  /** The instance for a choice, made when it is first asked for; undefined if it cannot be. */
  #load(choice: "auto" | "wasm"): Codec | undefined {
    const loaded = choice === "auto" ? this.#auto : this.#wasm;
    if (loaded !== undefined || this.#failure !== undefined) return loaded;
    try {
      const { module, failure } = this.#compile();
      if (module === undefined) throw failure ?? new Error("codec.wasm was not compiled");
      if (choice === "auto") return this.#auto = new AutoCodec(this.#find, this.#makeTs, module);
      return this.#wasm = new WasmCodec(this.#find, module);
    } catch (error) {
      this.#failure = error;
      return undefined;
    }
  }
}

/** That WebAssembly is asked for and cannot be had. */
export function noWasm(cause: unknown): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    "WebAssembly cannot be used here (does a Content-Security-Policy lack 'wasm-unsafe-eval'?): " +
      'use codec "auto" or "ts"',
    { cause },
  );
}
