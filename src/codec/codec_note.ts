/**
 * What a log should say of codecs.
 *
 * @module
 */
import type { CodecChoice, Lender } from "./lender.ts";

/** Says once that TypeScript does the work that WebAssembly was meant for. */
export class CodecNote {
  readonly #lender: Lender;
  #isTold = false;

  /** Of these codecs nothing was said yet. */
  constructor(lender: Lender) {
    this.#lender = lender;
  }

  /** What is to be said of a choice; undefined when there is nothing, or it was said before. */
  of(choice: CodecChoice): { readonly message: string; readonly cause: unknown } | undefined {
    if (this.#isTold || choice !== "auto" || this.#lender.resolve("auto") === "wasm") {
      return undefined;
    }
    this.#isTold = true;
    const message = "WebAssembly cannot be used here, and TypeScript does its work " +
      "(does a Content-Security-Policy lack 'wasm-unsafe-eval'?)";
    return { message, cause: this.#lender.failure };
  }
}
