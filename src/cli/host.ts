/**
 * What the command needs of the runtime: the `Deno` namespace, or on Node what stands for it.
 *
 * Sockets never go through here: see `entry.ts`. Of the shim only what was tried on Node 20 is
 * used, and three of its functions are avoided: `stdin.read` never returns at the end of a file,
 * `stdout.write` never settles (and lets an uncaught `EPIPE` end the process) when a pipe breaks,
 * and `stdout.writeSync` fails with `EAGAIN` on a slow pipe. Streams (`readable`, `writable`) do all
 * of that well on both runtimes; `writeSync` serves terminals, which do not have that trouble.
 *
 * @module
 */

/** The part of the `Deno` namespace that the command uses. */
export type Host = Pick<
  typeof Deno,
  | "addSignalListener"
  | "args"
  | "consoleSize"
  | "cwd"
  | "env"
  | "exit"
  | "noColor"
  | "permissions"
  | "statSync"
  | "stderr"
  | "stdin"
  | "stdout"
>;

/** Whether this is Deno itself, and not a runtime with a shim. */
export const onDeno: boolean = "Deno" in globalThis;

/** The namespace: Deno's own, or from `@deno/shim-deno` where there is none. */
export async function loadHost(): Promise<Host> {
  if (onDeno) return Deno;
  try {
    const { Deno: shim } = await import("@deno/shim-deno");
    return shim as unknown as Host;
  } catch (error) {
    // The shim would have told how to write and to exit.
    const { default: process } = await import("node:process");
    process.stderr.write(
      "framewire: the package @deno/shim-deno, which the command needs on Node, could not be loaded; " +
        `run npm install @deno/shim-deno (${error instanceof Error ? error.message : error})\n`,
    );
    return process.exit(1);
  }
}

/**
 * A variable of the environment; undefined when it is not set or when Deno may not read it. Never
 * asks for the permission.
 */
export function readEnv(host: Host, variable: string): string | undefined {
  if (onDeno && host.permissions.querySync({ name: "env", variable }).state !== "granted") {
    return undefined;
  }
  return host.env.get(variable);
}
