/**
 * What runs the program, for messages of what it has not.
 *
 * @module
 */

/** The runtime's name, with Node's version. */
export function runtimeName(): string {
  const { Deno, Bun, process } = globalThis as {
    readonly Deno?: object;
    readonly Bun?: object;
    readonly process?: { readonly versions?: { readonly node?: string } };
  };
  if (Deno !== undefined) return "Deno";
  if (Bun !== undefined) return "Bun";
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers") return "workerd";
  const node = process?.versions?.node;
  return node === undefined ? "a browser" : `Node ${node}`;
}
