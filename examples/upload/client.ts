/**
 * Sends a file. Start it again after it was stopped, and it goes on where it was.
 *
 *   deno run -A examples/upload/client.ts FILE [url] [bytes of a part]
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { connect, isFramewireError } from "framewire";
import { sha256Of } from "./sha256.ts";
import { type FileInfo, MOST_PART_BYTES, type Standing } from "./messages.ts";

const [path, url = "tcp://127.0.0.1:4200", partBytes = `${16 * 1024 * 1024}`] = process.argv
  .slice(2);
if (path === undefined) throw new Error("which file?");

/** So many parts in a row may fail without a byte that got through. */
const MOST_FAILURES = 5;

const mostBytes = Math.min(Number(partBytes), MOST_PART_BYTES);
const { size: bytes } = await stat(path);
const info: FileInfo = { name: basename(path), bytes, sha256: await sha256Of(path) };

const client = await connect(url, { hello: "required", maxFrameBytes: MOST_PART_BYTES + 13 });

/** How far the server is. At the end it reads the whole file again, which takes its time. */
async function ask(): Promise<Standing> {
  const options = { idempotent: true, timeoutMs: 120_000 };
  const answer = await client.request(JSON.stringify(info), options);
  return JSON.parse(new TextDecoder().decode(answer)) as Standing;
}

let reached = 0;
let failures = 0;
let failure: unknown;
let isAnew = true;
for (;;) {
  const { offset, complete } = await ask();
  if (complete) break;
  failures = offset > reached ? 0 : failures + 1;
  if (failures > MOST_FAILURES) throw failure ?? new Error("what arrives there is another file");
  if (isAnew && offset > 0) console.log(`goes on at ${offset}`);
  isAnew = false;
  reached = offset;
  const length = Math.min(mostBytes, bytes - offset);
  try {
    // It is read as fast as the server takes it.
    const part = createReadStream(path, { start: offset, end: offset + length - 1 });
    await client.submit(part, { bytes: length, timeoutMs: 0 });
  } catch (error) {
    // The client connects again by itself; how much had come, the server knows.
    if (!isFramewireError(error)) throw error;
    failure = error;
    isAnew = true;
    console.log(`interrupted: ${error.message}`);
  }
}
console.log(`${info.name} is there: ${bytes} bytes, SHA-256 ${info.sha256}`);
await client.close();
