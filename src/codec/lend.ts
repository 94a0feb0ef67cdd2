/**
 * The isolate's codecs, and who may use them when.
 *
 * @module
 */
import module, { failure } from "#codec-module";
import { FramewireError } from "../errors.ts";
import { AutoCodec } from "./auto_codec.ts";
import type { Codec } from "./codec.ts";
import { TsCodec } from "./ts_codec.ts";
import { WasmCodec } from "./wasm_codec.ts";

/**
 * Which codec to use: one of the two by name, or with `"auto"` the faster one for each chunk, as
 * `auto_codec.ts` has measured it; only TypeScript where WebAssembly is not allowed.
 */
export type CodecChoice = "auto" | "wasm" | "ts";

/** Lends codecs: one instance of each kind, and spare ones in TypeScript for nested use. */
export class Lender {
  readonly #module: WebAssembly.Module | undefined;
  #failure: unknown;
  #auto: AutoCodec | undefined;
  #wasm: WasmCodec | undefined;
  readonly #spare: TsCodec[] = [];
  #isTold = false;

  /**
   * @param module codec.wasm, compiled; undefined where that is not allowed.
   * @param failure Why there is no module.
   */
  constructor(module: WebAssembly.Module | undefined, failure?: unknown) {
    this.#module = module;
    this.#failure = failure;
  }

  /** See {@linkcode resolveCodec}. */
  resolve(choice: CodecChoice): "wasm" | "ts" {
    if (choice === "ts") return "ts";
    if (this.#load(choice) !== undefined) return "wasm";
    if (choice === "auto") return "ts";
    throw new FramewireError(
      "UNSUPPORTED",
      "WebAssembly cannot be used here (does a Content-Security-Policy lack 'wasm-unsafe-eval'?): " +
        'use codec "auto" or "ts"',
      { cause: this.#failure },
    );
  }

  /** See {@linkcode codecNote}. */
  note(choice: CodecChoice): { readonly message: string; readonly cause: unknown } | undefined {
    if (this.#isTold || choice !== "auto" || this.resolve("auto") === "wasm") return undefined;
    this.#isTold = true;
    const message = "WebAssembly cannot be used here, and TypeScript does its work " +
      "(does a Content-Security-Policy lack 'wasm-unsafe-eval'?)";
    return { message, cause: this.#failure };
  }

  /** See {@linkcode codecOf}. */
  codecOf(choice: CodecChoice): Codec {
    if (this.resolve(choice) === "ts") return this.#spare[0] ?? (this.#spare[0] = new TsCodec());
    return choice === "auto" ? this.#auto! : this.#wasm!;
  }

  /** See {@linkcode borrow}. */
  borrow(choice: CodecChoice): Codec {
    const own = this.codecOf(choice);
    if (!own.busy) return own;
    for (const codec of this.#spare) if (!codec.busy) return codec;
    const codec = new TsCodec();
    this.#spare.push(codec);
    return codec;
  }

  /** The instance for a choice, made when it is first asked for; undefined if it cannot be. */
  #load(choice: "auto" | "wasm"): Codec | undefined {
    const loaded = choice === "auto" ? this.#auto : this.#wasm;
    if (loaded !== undefined || this.#failure !== undefined) return loaded;
    try {
      if (this.#module === undefined) throw new Error("codec.wasm was not compiled");
      if (choice === "auto") return this.#auto = new AutoCodec(this.#module);
      return this.#wasm = new WasmCodec(this.#module);
    } catch (error) {
      this.#failure = error;
      return undefined;
    }
  }
}

const isolate = new Lender(module, failure);

/**
 * Decides which codec a choice means in this isolate.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function resolveCodec(choice: CodecChoice): "wasm" | "ts" {
  return isolate.resolve(choice);
}

/**
 * What the log should say once of a choice that WebAssembly was meant for and cannot be had: to the first
 * who asks in this isolate, and to nobody else.
 *
 * @param choice What the user asked for.
 */
export function codecNote(
  choice: CodecChoice,
): { readonly message: string; readonly cause: unknown } | undefined {
  return isolate.note(choice);
}

/**
 * The isolate's codec of the chosen kind, which may be {@linkcode Codec.busy}: for those who keep it
 * for long, and look each time.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function codecOf(choice: CodecChoice): Codec {
  return isolate.codecOf(choice);
}

/**
 * Lends the isolate's codec of the chosen kind, or, while that one is {@linkcode Codec.busy}, a
 * spare one in TypeScript: a handler inside a batch may decode a stream of its own.
 *
 * The borrower sets `busy` while it needs the table or the results to stay.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function borrow(choice: CodecChoice): Codec {
  return isolate.borrow(choice);
}
