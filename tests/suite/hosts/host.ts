/**
 * A host of behaviours: a process that serves them, or that is their client, as it is told to.
 *
 * @module
 */

import type { Connect } from "../../../src/client/connect.ts";
import type { Capabilities } from "../../../src/link/capabilities.ts";
import type { Transport } from "../../../src/link/link.ts";
import { memoryNetwork } from "../../../src/link/memory.ts";
import type { DrainResult } from "../../../src/server/drain.ts";
import type { Serve } from "../../../src/server/serve.ts";
import type { Server } from "../../../src/server/server.ts";
import { behaviourOf } from "../behaviour.ts";
import { CountingSide } from "./client_side.ts";
import type { Behaviour, Carrier, CodecName } from "../sides.ts";

/** What a host is told. */
export type Command =
  /** What can your runtime do? */
  | { readonly do: "tell" }
  /** Serve a behaviour. */
  | (Task & { readonly do: "serve"; readonly listen: string })
  /** End the server that is there. */
  | { readonly do: "stop" }
  /** Be the client of a behaviour. */
  | (Task & { readonly do: "run"; readonly url: string })
  /** Be both, in memory. */
  | (Task & { readonly do: "alone" });

/** One behaviour in one place. */
export interface Task {
  readonly behaviour: string;
  readonly carrier: Carrier;
  readonly codec: CodecName;
  readonly run: number;
}

/** What a host answers. */
export interface Answer {
  readonly capabilities?: Capabilities;
  /** Where it serves. */
  readonly url?: string;
  /** How much a client has compared. */
  readonly checks?: number;
  /** What is wrong. */
  readonly failure?: string;
}

/** What the host's runtime has. */
export interface HostRuntime {
  readonly capabilities: Capabilities;
  readonly connect: Connect;
  readonly transport: Transport;
  /** Undefined where there are no servers of one's own. */
  readonly serve?: Serve;
  /** PEM texts; undefined where the runtime is configured otherwise. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** What runs on a runtime and does what it is told, one thing after the other. */
export class Host {
  readonly #runtime: HostRuntime;
  #serving: Serving | undefined;

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime;
  }

  /** Never rejects: what goes wrong is part of the answer. */
  async do(command: Command): Promise<Answer> {
    try {
      if (command.do === "tell") return { capabilities: this.#runtime.capabilities };
      if (command.do === "stop") return await this.#stop();
      if (command.do === "run") return await this.#run(command, command.url);
      if (command.do === "serve") return { url: await this.#serve(command, command.listen) };
      return await this.#alone(command);
    } catch (error) {
      const { code = "", stack, message } = error as Error & { readonly code?: string };
      return { failure: `${code} ${stack ?? message}`.trim() };
    }
  }

  async #alone(task: Task): Promise<Answer> {
    const transport = memoryNetwork();
    const url = await this.#serve(task, "tcp://:0", transport);
    const answer = await this.#run(task, url, transport);
    return { ...answer, ...await this.#stop() };
  }

  async #serve(task: Task, listen: string, transport?: Transport): Promise<string> {
    const { serve, tls } = this.#runtime;
    const isSecure = task.carrier === "tls" || task.carrier === "wss";
    const options = {
      listen,
      ...(isSecure && tls !== undefined && { tls: { cert: tls.cert, key: tls.key } }),
      ...(transport !== undefined && { transport }),
    };
    this.#serving = await Serving.start(serve!, behaviourOf(task.behaviour), task.codec, options);
    return this.#serving.url;
  }

  async #stop(): Promise<Answer> {
    const serving = this.#serving;
    this.#serving = undefined;
    const failure = await serving?.stop();
    return failure === undefined ? {} : { failure };
  }

  async #run(task: Task, url: string, network?: Transport): Promise<Answer> {
    const { connect, transport, tls } = this.#runtime;
    const side = new CountingSide({
      ...task,
      url,
      connect,
      transport: network ?? transport,
      tls: tls && { ca: tls.ca },
    });
    try {
      await behaviourOf(task.behaviour).client(side);
      return { checks: side.checks };
    } finally {
      side.end();
    }
  }
}

/** A server of a behaviour while it runs. */
class Serving {
  readonly #behaviour: Behaviour;
  readonly #server: Server;

  private constructor(behaviour: Behaviour, server: Server) {
    this.#behaviour = behaviour;
    this.#server = server;
  }

  static async start(
    serve: Serve,
    behaviour: Behaviour,
    codec: CodecName,
    given: object,
  ): Promise<Serving> {
    const errors: string[] = [];
    const { options, handlers } = behaviour.server({
      errors,
      shutdown: (how) => void server.shutdown(how),
    });
    const all = {
      ...given,
      codec,
      ...options,
      on: { error: ({ code }: { readonly code: string }) => void errors.push(code) },
    };
    const start = serve as unknown as (options: object, handlers: object) => Promise<Server>;
    const server: Server = await start(all, handlers);
    return new Serving(behaviour, server);
  }

  get url(): string {
    return this.#server.addrs[0]!.url;
  }

  /** Ends it. @returns What is wrong with how it ended. */
  async stop(): Promise<string | undefined> {
    // What a client has left is of no interest, unless the behaviour is about it.
    const result: DrainResult = await this.#server.shutdown({
      deadlineMs: this.#behaviour.ended === undefined ? 0 : 120_000,
    });
    return this.#behaviour.ended?.(result);
  }
}
