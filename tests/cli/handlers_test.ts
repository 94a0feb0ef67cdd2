/** `framewire serve MODULE`: which modules it takes, and what it says of the others. */

import process from "node:process";
import t from "tap";
import { connect } from "../helpers/runtime.ts";
import { folderOf, onDeno, run, startServer } from "./command.ts";

t.test("the default export is the handlers, or the one handler", async (t) => {
  const cwd = folderOf(t, {
    "object.mjs": `export default {
      submit(packet) { if (packet.text() === "bad") throw new Error("bad"); },
      conn(packet, conn) { console.log("conn", conn.id); },
    };`,
    "function.mjs":
      `export default async (packet) => { if (packet.text() === "bad") throw new Error("bad"); };`,
  });
  for (const module of ["object.mjs", "./function.mjs"]) {
    const { running, to } = await startServer(t, [module], { cwd });
    const { code, stdout } = await run(t, ["send", "good", "bad", "good", "--to", to]);
    t.equal(code, 1, module);
    t.match(stdout, /^1 ok .*\n2 failed .*\n3 ok /, module);
    running.kill("SIGINT");
    t.equal((await running.ended).code, 0, module);
  }
});

t.test("the echo protocol takes its data handler", async (t) => {
  const cwd = folderOf(t, {
    "object.mjs":
      "export default { data(packet) { console.log('seen', String.fromCharCode(...packet.data)); } };",
    "function.mjs":
      "export default (packet) => { console.log('seen', String.fromCharCode(...packet.data)); };",
  });
  for (const module of ["object.mjs", "function.mjs"]) {
    const { running, port } = await startServer(t, [module, "--protocol", "echo"], { cwd });
    const client = await connect(`tcp://127.0.0.1:${port}`, { protocol: "echo" });
    t.equal(String.fromCharCode(...await client.echo("hello")), "hello");
    await client.close();
    await running.wrote("stdout", /^seen hello$/m);
    running.kill("SIGINT");
    await running.ended;
  }
});

t.test("TypeScript is loaded where the runtime can, and said so where it cannot", async (t) => {
  const cwd = folderOf(t, {
    "handlers.ts": "const codes: number[] = [];\nexport default { submit() { codes.push(1); } };\n",
  });
  if (onDeno || "typescript" in (process.features ?? {})) {
    const { to } = await startServer(t, ["handlers.ts"], { cwd });
    t.equal((await run(t, ["send", "x", "--to", to])).code, 0);
  } else {
    const { code, stderr } = await run(t, ["serve", "handlers.ts"], { cwd });
    t.equal(code, 1);
    t.match(stderr, /handlers\.ts could not be loaded: .*use \.js or \.mjs, or Node 22\.18/);
  }
});

/** Modules that will not do: their text, and what the one line must say. */
const WRONG: Readonly<Record<string, readonly [text: string, says: RegExp]>> = {
  "none.mjs": [
    "export const submit = 1;",
    /none\.mjs has no default export; expected export default/,
  ],
  "number.mjs": ["export default 7;", /the default export of number\.mjs is 7; expected/],
  "typo.mjs": [
    "export default { submit() {}, sumbit() {} };",
    /the default export of typo\.mjs does not fit: .*it knows no handler sumbit/,
  ],
  "lacking.mjs": [
    "export default { conn() {} };",
    /lacking\.mjs does not fit: .*submit is missing/,
  ],
  "value.mjs": ["export default { submit: 5 };", /submit must be a function and is 5/],
  "syntax.mjs": [
    "export default {\n  submit( }\n};",
    /syntax\.mjs could not be loaded: .*SyntaxError: /,
  ],
  "throws.mjs": [
    "\nnull.submit;",
    /throws\.mjs could not be loaded: TypeError: .*throws\.mjs:2/,
  ],
  "throws_text.mjs": ["throw 'text';", /throws_text\.mjs could not be loaded: it threw "text"/],
  "imports.mjs": [
    "import './absent.mjs'; export default () => {};",
    /imports\.mjs could not be loaded: .*absent\.mjs/,
  ],
};

t.test("a module that will not do is told in one line, with exit code 1", async (t) => {
  const cwd = folderOf(
    t,
    Object.fromEntries(
      Object.entries(WRONG).map(([name, [text]]) => [name, text]),
    ),
  );
  const calls: (readonly [string, RegExp])[] = [
    ...Object.entries(WRONG).map(([name, [, says]]) => [name, says] as const),
    ["absent.mjs", /there is no file .*absent\.mjs; name the handlers module by its path/],
    [".", /\. is no file; name the module itself/],
  ];
  const next = async (): Promise<void> => {
    for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
      const [name, says] = call;
      const { code, stdout, stderr } = await run(t, ["serve", name, "--port", "0"], { cwd });
      t.equal(code, 1, `${name}: exit code`);
      t.match(stderr, says, name);
      t.match(stderr, /^framewire serve: error: [^\n]+\n$/, `${name}: one line`);
      t.equal(stdout, "", `${name}: it did not begin to listen`);
    }
  };
  await Promise.all([next(), next()]);
});

t.test("a module in the wrong module system is told how to be right", {
  skip: onDeno && "Deno finds out by itself",
}, async (t) => {
  const cwd = folderOf(t, {
    "package.json": '{ "type": "commonjs" }',
    "handlers.js": "export default () => {};\n",
  });
  const { code, stderr } = await run(t, ["serve", "handlers.js"], { cwd });
  t.equal(code, 1);
  t.match(stderr, /handlers\.js could not be loaded: .*name it \.mjs, or put "type": "module"/);
});
