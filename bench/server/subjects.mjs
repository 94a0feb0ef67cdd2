/**
 * Who is measured: ours on each runtime, the peers it is judged by, and the controls.
 *
 * @module
 */
import { execPath } from "node:process";
import { PEERS } from "../peers/build.mjs";
import { bundleForNode, ROOT } from "./bundle.mjs";

const SERVER = "bench/server";

/**
 * @typedef {{ name: string, title: string, ours: boolean,
 *   launch: (mode: "sync" | "async" | "echo") => import("./processes.mjs").Launch | undefined }}
 *   Subject `launch` is undefined for a mode that the subject does not have.
 */

/** The names of all subjects, in the order in which a round runs them. */
export const SUBJECTS = [
  "c",
  "go",
  "deno",
  "node",
  "deno-defined",
  "node-defined",
  "bare-deno",
  "bare-node",
];

/**
 * @param {{ deno: string, go: boolean, codec: string, names: readonly string[] }} tools the `deno`
 *   program, whether the Go server was built, which codec our server is to use, and which subjects
 *   are wanted; the C limit is always among them, since ratios are taken to it.
 * @returns {Promise<Subject[]>} the wanted ones that there are.
 */
export async function subjects({ deno, go, codec, names }) {
  const ourBundle = names.some((name) => name.startsWith("node"))
    ? await bundleForNode(`${SERVER}/subject.ts`)
    : "";
  const denoRun = (file, ...args) =>
    script(deno, "run", "-A", `${ROOT}/${SERVER}/${file}`, ...args);
  const all = [
    {
      name: "c",
      title: "C limit",
      launch: (mode) => ({
        command: PEERS.limit,
        args: (port) => [mode === "echo" ? "echo" : "submit", `${port}`],
        tellsPort: false,
      }),
    },
    {
      name: "go",
      title: "Go",
      launch: (mode) =>
        mode === "echo" ? undefined : {
          command: PEERS.go,
          args: (port) => [`${port}`],
          tellsPort: false,
          env: { GOMAXPROCS: "1" },
        },
    },
    {
      name: "deno",
      title: "Framewire on Deno",
      ours: true,
      launch: (mode) => denoRun("subject.ts", mode, codec),
    },
    {
      name: "node",
      title: "Framewire on Node",
      ours: true,
      launch: (mode) => script(execPath, ourBundle, mode, codec),
    },
    {
      name: "deno-defined",
      title: "the same by defineProtocol, Deno",
      launch: (mode) => mode === "sync" ? denoRun("subject.ts", "defined", codec) : undefined,
    },
    {
      name: "node-defined",
      title: "the same by defineProtocol, Node",
      launch: (mode) => mode === "sync" ? script(execPath, ourBundle, "defined", codec) : undefined,
    },
    {
      name: "bare-deno",
      title: "bare Deno",
      // A control has no handlers, so an async one has no counterpart here.
      launch: (mode) => mode === "async" ? undefined : denoRun("control_deno.mjs", mode),
    },
    {
      name: "bare-node",
      title: "bare Node",
      launch: (mode) =>
        mode === "async" ? undefined : script(execPath, `${ROOT}/${SERVER}/control_node.mjs`, mode),
    },
  ];
  return all
    .filter(({ name }) => name === "c" || names.includes(name) && (name !== "go" || go))
    .map((subject) => ({ ours: false, ...subject }));
}

function script(command, ...args) {
  return { command, args: () => args, tellsPort: true };
}
