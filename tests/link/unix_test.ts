/** Unix sockets: their files, who may open them, and what is said when it does not work. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import t from "tap";
import { checkUnixPath } from "../../src/link/unix_file.ts";
import { connect, serve } from "../helpers/runtime.ts";

const options = { skip: process.platform === "win32" && "Windows has none" };
const handlers = { submit: () => {} };

function folder(t: { teardown(fn: () => void): unknown }): string {
  const path = mkdtempSync(join(tmpdir(), "framewire-unix-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

t.test("a server on a Unix socket and on TCP at once", options, async (t) => {
  const path = join(folder(t), "fw.sock");
  const seen: string[] = [];
  const server = await serve({ listen: [`unix://${path}`, "tcp://:0"] }, {
    submit(packet, conn) {
      seen.push(`${conn.info().transport} ${conn.remote.hostname} ${packet.text()}`);
    },
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  t.match(server.addrs, [{ hostname: path, port: 0, url: `unix://${path}` }, {
    hostname: "127.0.0.1",
    url: /^tcp:\/\/127\.0\.0\.1:\d+$/,
  }]);
  t.equal(server.addr.hostname, path);
  for (const { url } of server.addrs) {
    const client = await connect(url);
    await client.submit("x".repeat(200_000));
    await client.submit(url.slice(0, 4));
    await client.close();
  }
  t.strictSame(seen.filter((line) => line.length < 100), [
    "unix unix unix",
    "tcp 127.0.0.1 tcp:",
  ]);
  await server.shutdown();
  t.notOk(existsSync(path), "its file is gone");
  await t.rejects(connect(`unix://${path}`), {
    code: "CONNECTION_REFUSED",
    message: /no such file/,
  });
});

t.test("its file has the mode that was asked for", options, async (t) => {
  const path = join(folder(t), "fw.sock");
  const server = await serve({ listen: `unix://${path}?mode=600` }, handlers);
  t.equal(statSync(path).mode & 0o777, 0o600);
  await server.shutdown();
  const wide = await serve({ listen: `unix://${path}?mode=666` }, handlers);
  t.equal(statSync(path).mode & 0o777, 0o666, "whatever the process's mask is");
  await wide.shutdown();
});

t.test(
  "the file of a server that was killed is replaced, that of a living one is not",
  options,
  async (t) => {
    const path = join(folder(t), "fw.sock");
    const script = `import net from "node:net";
    net.createServer().listen(${
      JSON.stringify(path)
    }, () => process.kill(process.pid, "SIGKILL"));`;
    t.throws(() => execFileSync("node", ["--input-type=module", "-e", script]));
    t.ok(existsSync(path), "it is left behind");
    await t.rejects(connect(`unix://${path}`), {
      code: "CONNECTION_REFUSED",
      message: /was killed/,
    });
    const server = await serve({ listen: `unix://${path}` }, handlers);
    await t.rejects(serve({ listen: `unix://${path}` }, handlers), {
      code: "ADDRESS_IN_USE",
      message: /another program listens there/,
    });
    const client = await connect(`unix://${path}`);
    await client.submit("still there");
    await client.close();
    await server.shutdown();
  },
);

t.test("a file that is no socket is left alone", options, async (t) => {
  const path = join(folder(t), "notes.txt");
  writeFileSync(path, "mine");
  await t.rejects(serve({ listen: `unix://${path}` }, handlers), {
    code: "ADDRESS_IN_USE",
    message: /a file that is no socket/,
  });
  t.ok(existsSync(path));
});

t.test("a file that another has put there is not removed at the end", options, async (t) => {
  const path = join(folder(t), "fw.sock");
  const server = await serve({ listen: `unix://${path}` }, handlers);
  rmSync(path);
  await server.shutdown();
  t.notOk(existsSync(path));
});

t.test("what cannot be is said before anything is opened", options, async (t) => {
  const missing = join(folder(t), "no", "fw.sock");
  await t.rejects(serve({ listen: `unix://${missing}` }, handlers), {
    code: "ADDRESS_NOT_AVAILABLE",
    message: /folder does not exist/,
  });
  const long = `/${"x".repeat(104)}`;
  await t.rejects(serve({ listen: `unix://${long}` }, handlers), {
    code: "INVALID_OPTION",
    message: /103 bytes/,
  });
  await t.rejects(connect(`unix://${long}`), { code: "INVALID_OPTION", message: /has 105/ });
  t.throws(() => checkUnixPath("/a", "win32"), { code: "UNSUPPORTED", message: /Windows.*tcp:/ });
});

t.test("when one of several addresses cannot be had, none is listened at", options, async (t) => {
  const path = join(folder(t), "fw.sock");
  const other = await serve({ port: 0 }, handlers);
  t.teardown(() => other.shutdown());
  await t.rejects(serve({ listen: [`unix://${path}`, other.addrs[0]!.url] }, handlers), {
    code: "ADDRESS_IN_USE",
  });
  t.notOk(existsSync(path));
});
