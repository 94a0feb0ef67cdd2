/**
 * A file on its way to the disk.
 */
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileInfo } from "./messages.ts";
import { sha256Of } from "./sha256.ts";

/** What has come of a file so far. */
export class Incoming {
  readonly info: FileInfo;
  /** So many bytes are on the disk. */
  offset: number;
  readonly #path: string;
  readonly #partPath: string;

  private constructor(folder: string, info: FileInfo, offset: number) {
    this.info = info;
    this.offset = offset;
    this.#path = join(folder, info.name);
    this.#partPath = partPath(folder, info);
  }

  /** Goes on with what an earlier run of the server may have left. */
  static async in(folder: string, info: FileInfo): Promise<Incoming> {
    const size = await stat(partPath(folder, info)).then(({ size }) => size, () => 0);
    return new Incoming(folder, info, size);
  }

  /**
   * Writes a part behind what is there. What has come of it stays, when the rest does not come.
   *
   * A piece is asked for when the one before is written: a slow disk slows the client down, and
   * memory holds a piece or two.
   */
  async append(part: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await open(this.#partPath, "a");
    try {
      for await (const bytes of part) {
        if (this.offset + bytes.length > this.info.bytes) throw new Error("more than the file has");
        await file.appendFile(bytes);
        this.offset += bytes.length;
      }
    } finally {
      await file.close();
    }
  }

  /** Gives the file its name, when it is what it should be; else it has to come again. */
  async complete(): Promise<boolean> {
    const file = await open(this.#partPath, "a"); // one without bytes has no part
    await file.sync();
    await file.close();
    if (await sha256Of(this.#partPath) === this.info.sha256) {
      await rename(this.#partPath, this.#path);
      return true;
    }
    await rm(this.#partPath);
    this.offset = 0;
    return false;
  }
}

function partPath(folder: string, { sha256 }: FileInfo): string {
  return join(folder, `.${sha256}.part`);
}
