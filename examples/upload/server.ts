/**
 * Takes files of any size, in parts that go straight to the disk.
 *
 *   deno run -A examples/upload/server.ts [port] [folder]
 */
import { mkdir } from "node:fs/promises";
import process from "node:process";
import { RequestRefused, serve, type SubmitConnection } from "framewire";
import { Incoming } from "./incoming.ts";
import { fileInfoFrom, MOST_PART_BYTES, type Standing } from "./messages.ts";

const [port = "4200", folder = "uploads"] = process.argv.slice(2);
await mkdir(folder, { recursive: true });

/** What becomes of one file: one connection at a time writes to it. */
interface Upload {
  readonly file: Incoming;
  conn: SubmitConnection | undefined;
  /** Settles when nobody writes. Never rejects. */
  written: Promise<unknown>;
}

const uploads = new Map<string, Promise<Upload>>();
const uploadOf = new Map<SubmitConnection, Upload>();

const server = await serve({
  port: Number(port),
  maxFrameBytes: MOST_PART_BYTES + 13,
  streamThresholdBytes: 64 * 1024, // what is longer is read as it comes
  on: {
    disconnect: (conn) => void uploadOf.delete(conn),
    error: ({ code, message }) => console.error(code, message),
  },
}, {
  // Before each part the client asks how far the file has come.
  async request(packet, conn) {
    const info = fileInfoFrom(packet.text());
    if (info === undefined) throw new RequestRefused("expected { name, bytes, sha256 }");
    let pending = uploads.get(info.sha256);
    if (pending === undefined) {
      pending = Incoming.in(folder, info).then((file) => ({
        file,
        conn: undefined,
        written: Promise.resolve(),
      }));
      uploads.set(info.sha256, pending);
    }
    const upload = await pending;
    // Another connection of this file: its client is here now, and it may be a dead one.
    const { conn: other } = upload;
    if (other !== conn) server.disconnect((one) => one === other, "its file goes on elsewhere");
    upload.conn = conn;
    uploadOf.set(conn, upload);
    await upload.written;
    const { file } = upload;
    if (file.offset < info.bytes) return JSON.stringify(standing(file.offset, false));
    const complete = await file.complete();
    if (complete) {
      uploads.delete(info.sha256);
      uploadOf.delete(conn);
      console.log(`${info.name} is complete: ${info.bytes} bytes`);
    }
    return JSON.stringify(standing(file.offset, complete));
  },

  async submit(packet, conn) {
    const upload = uploadOf.get(conn);
    if (upload === undefined || upload.conn !== conn) throw new Error("ask first how far it is");
    const writing = upload.file.append(packet.stream());
    upload.written = writing.catch(() => {});
    await writing;
  },
});

function standing(offset: number, complete: boolean): Standing {
  return { offset, complete };
}

console.log(`listening on ${server.addr.hostname}:${server.addr.port}`);
