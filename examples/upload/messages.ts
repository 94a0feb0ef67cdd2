/**
 * What the client asks before each part, and what it is told.
 */

/** A file. Its SHA-256 is what it is known by: whoever has the same file goes on with it. */
export interface FileInfo {
  readonly name: string;
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** How far a file has come. */
export interface Standing {
  /** So many bytes are on the server's disk: the next part begins there. */
  readonly offset: number;
  /** All of it is there, and has the SHA-256 that it should have. */
  readonly complete: boolean;
}

/** The longest part: as long as a frame may be, without its header. */
export const MOST_PART_BYTES = 64 * 1024 * 1024 - 13;

/** A request's payload, which comes from outside, as what it has to be; undefined when it is not. */
export function fileInfoFrom(text: string): FileInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { name, bytes, sha256 } = (value ?? {}) as Record<string, unknown>;
  // The name becomes one in the server's folder: nothing that leads out of it, and no hidden file.
  if (typeof name !== "string" || !/^[\w-][\w .()-]{0,199}$/.test(name)) return undefined;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { name, bytes, sha256 };
}
