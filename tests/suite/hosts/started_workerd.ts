/**
 * The host in workerd. Its servers are there from the beginning, each behaviour with each codec by a
 * Worker of its own; its client is asked by HTTP.
 *
 * @module
 */

import process from "node:process";
import { startWorkerd, type Workerd, type WorkerdSocket } from "../../helpers/workerd.ts";
import { BEHAVIOURS } from "../behaviour.ts";
import { CODEC_NAMES } from "../sides.ts";
import type { Answer, Command, Task } from "./host.ts";
import type { StartedHost } from "./started.ts";

const COMPATIBILITY_DATE = "2026-10-01";

/** What its sockets speak, by what carries the bytes. */
const KINDS = { tcp: "tcp", tls: "tls", unix: "tcp", ws: "http", wss: "https" } as const;

/** What workerd listens on: who runs it says so in its configuration. */
export const WORKERD_LISTENS: readonly (keyof typeof KINDS)[] =
  (Object.keys(KINDS) as (keyof typeof KINDS)[])
    .filter((carrier) => carrier !== "unix" || process.platform !== "win32");

const entrypointOf = ({ behaviour, codec }: Pick<Task, "behaviour" | "codec">) =>
  `${behaviour}_${codec}`;
const socketOf = (task: Omit<Task, "run">) => `${entrypointOf(task)}_${task.carrier}`;
const unixPath = (folder: string, entrypoint: string) => `${folder}/${entrypoint}.sock`;

/** workerd, told what to do. */
export class WorkerdHost implements StartedHost {
  readonly #workerd: Workerd;
  readonly #folder: string;

  private constructor(workerd: Workerd, folder: string) {
    this.#workerd = workerd;
    this.#folder = folder;
  }

  /** @param folder Where its files are put. */
  static async start(
    folder: string,
    tls: { readonly cert: string; readonly key: string; readonly ca: string },
  ): Promise<WorkerdHost> {
    const tasks = BEHAVIOURS.filter(({ needs }) => needs === undefined)
      .flatMap(({ id }) => CODEC_NAMES.map((codec) => ({ behaviour: id, codec })));
    const address = "127.0.0.1:0";
    const sockets = tasks.flatMap((task) =>
      WORKERD_LISTENS.map((carrier): WorkerdSocket => ({
        name: socketOf({ ...task, carrier }),
        address: carrier === "unix" ? `unix:${unixPath(folder, entrypointOf(task))}` : address,
        kind: KINDS[carrier],
        entrypoint: entrypointOf(task),
      }))
    );
    const text = [
      'import { control, edgeOf } from "./tests/suite/hosts/edge.ts";',
      "export default control;",
      ...tasks.map((task) =>
        `export const ${entrypointOf(task)} = edgeOf("${task.behaviour}", "${task.codec}");`
      ),
    ].join("\n");
    const workerd = await startWorkerd({
      folder,
      worker: { text },
      compatibilityDate: COMPATIBILITY_DATE,
      sockets: [...sockets, { name: "control", address, kind: "http" }],
      tls,
    });
    return new WorkerdHost(workerd, folder);
  }

  async do(command: Command): Promise<Answer> {
    if (command.do === "serve") return { url: this.#urlOf(command) };
    if (command.do === "stop") return {};
    // workerd verifies host names alone, and no addresses.
    const told = command.do === "run" && (command.carrier === "tls" || command.carrier === "wss")
      ? { ...command, url: command.url.replace("127.0.0.1", "localhost") }
      : command;
    try {
      const response = await fetch(`http://127.0.0.1:${this.#workerd.ports.control}/`, {
        method: "POST",
        body: JSON.stringify(told),
      });
      return await response.json() as Answer;
    } catch (error) {
      return { failure: `${error}\n${this.#workerd.errors().slice(-2000)}` };
    }
  }

  #urlOf(task: Task): string {
    const { carrier } = task;
    if (carrier === "unix") return `unix://${unixPath(this.#folder, entrypointOf(task))}`;
    const port = this.#workerd.ports[socketOf(task)];
    return `${carrier}://127.0.0.1:${port}${carrier === "ws" || carrier === "wss" ? "/" : ""}`;
  }

  kill(): Promise<void> {
    this.#workerd.kill();
    return Promise.resolve();
  }
}
