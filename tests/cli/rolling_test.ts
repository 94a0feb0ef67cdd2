/** A rolling restart of `framewire serve` by SIGTERM, under load: no accepted request is lost. */

import t from "tap";
import { connect } from "../../mod.ts";
import { folderOf, posix, type Running, start, startServer } from "./command.ts";

/** Handlers that take their time, and say what they have done. */
const HANDLERS = `
let turn = 0;
export default async (packet) => {
  const text = packet.text();
  if (turn++ % 2 === 0) await new Promise((done) => setTimeout(done, 5));
  console.log("did " + text + ".");
};`;
const WORKERS = 8;
const ROUNDS = 4;
/** Calls that are acknowledged between two restarts. */
const CALLS = 100;

t.test(
  "SIGTERM, and a new process on the same port: every request is handled once, and none is lost",
  posix,
  async (t) => {
    const cwd = folderOf(t, { "h.mjs": HANDLERS });
    const all: Running[] = [];
    const serveOn = async (port?: number) => {
      if (port === undefined) {
        const { running, port } = await startServer(t, ["h.mjs"], { cwd });
        all.push(running);
        return { running, port };
      }
      const running = start(t, ["serve", "h.mjs", "--port", `${port}`], { cwd });
      all.push(running);
      await running.wrote("stdout", /^listening on /m);
      return { running, port };
    };
    const servers = [await serveOn(), await serveOn()];
    const urls = servers.map(({ port }) => `tcp://127.0.0.1:${port}`);
    const client = await connect(urls, { hello: "required", requestTimeoutMs: 0 });
    let stop = false;
    const acknowledged: string[] = [];
    let next = () => {};
    const work = Array.from({ length: WORKERS }, async (_, worker) => {
      for (let count = 0; !stop; count++) {
        const text = `${worker}-${count}`;
        await client.submit(text); // none may fail: what was not taken is made again elsewhere
        acknowledged.push(text);
        next();
      }
    });
    const failed = Promise.all(work);
    failed.catch(() => {}); // awaited at the end
    for (let round = 0; round < ROUNDS; round++) {
      const wanted = acknowledged.length + CALLS;
      await Promise.race([
        failed,
        new Promise<void>((resolve) => next = () => acknowledged.length >= wanted && resolve()),
      ]);
      const { running, port } = servers[round % 2]!;
      running.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      t.equal(code, 0, `round ${round}`);
      t.equal(stderr, "", "nothing was cut");
      servers[round % 2] = await serveOn(port);
    }
    stop = true;
    await failed;
    await client.close();
    for (const { running } of servers) running.kill("SIGTERM");
    const outputs = await Promise.all(all.map(({ ended }) => ended));
    const did = outputs.flatMap(({ stdout }) =>
      [...stdout.matchAll(/^did (\S+)\.$/gm)].map(([, text]) => text!)
    );
    t.ok(acknowledged.length >= ROUNDS * CALLS, `${acknowledged.length} acknowledged`);
    t.strictSame(did.sort(), acknowledged.sort(), "each was handled once, and is acknowledged");
  },
);
