/**
 * The host in workerd: for each behaviour a Worker by `edge`, and one that takes commands by HTTP and is
 * a client.
 */

import {
  capabilities,
  connect,
  edge,
  type EdgeOptions,
  type EdgeWorker,
} from "../../../src/entry/workerd.ts";
import { workerdTransport } from "../../../src/link/workerd.ts";
import type { SubmitHandlers } from "../../../src/protocol/submit/server/handlers.ts";
import { behaviourOf } from "../behaviour.ts";
import { type Command, Host } from "./host.ts";
import type { CodecName } from "../sides.ts";

const host = new Host({ capabilities: capabilities(), connect, transport: workerdTransport });

/** Takes a command in the body of a request. */
export const control = {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await host.do(await request.json() as Command));
  },
};

/** The Worker of a behaviour. */
export function edgeOf(id: string, codec: CodecName): EdgeWorker {
  const errors: string[] = [];
  const { options, handlers } = behaviourOf(id).server({
    errors,
    shutdown: () => {
      throw new Error("a Worker cannot be shut down");
    },
  });
  const all = {
    ...options,
    codec,
    on: { error: ({ code }: { readonly code: string }) => void errors.push(code) },
  };
  return edge(handlers as SubmitHandlers, all as EdgeOptions<"submit">);
}
