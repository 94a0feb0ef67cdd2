/**
 * The library as the command uses it: with the sockets of the runtime.
 *
 * The npm package is run by Deno too (`deno run npm:framewire`), and there takes Deno's sockets; so
 * this is decided when it runs, not by the `#entry` of a build.
 *
 * @module
 */
import type { Connect } from "../client/connect.ts";
import type { Serve } from "../server/serve.ts";
import { onDeno } from "./host.ts";

/** What the command takes from the library's entry. */
export interface Entry {
  readonly serve: Serve;
  readonly connect: Connect;
}

/** Loads the entry of the runtime. */
export function loadEntry(): Promise<Entry> {
  return onDeno ? import("../entry/deno.ts") : import("../entry/node.ts");
}
