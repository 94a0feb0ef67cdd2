/**
 * The library's client in a simulation, told like the simple one: what it believes is what is checked.
 *
 * @module
 */

import type { SessionClient } from "../../src/client/session_client.ts";
import type { Clock } from "../../src/connection/clock.ts";
import { isFramewireError } from "../../src/errors.ts";
import type { SubmitCalls } from "../../src/protocol/submit/client/calls.ts";
import { Result } from "../../src/protocol/submit/commands.ts";
import { connectAndStay as connect } from "../helpers/runtime.ts";
import type { SimNetwork } from "../helpers/sim_network.ts";
import type { SimPeer, SimRequest } from "./sim_client.ts";

/** How a client of a simulation is set up. */
export interface RealOptions {
  readonly features:
    readonly ("request" | "push" | "drain" | "credit" | "crc32c" | "lz4" | "ping")[];
  readonly requestTimeoutMs: number;
  readonly maxInFlight: number;
  readonly sessionWindow: number;
  readonly random: () => number;
}

/** A client of the library. */
export class RealClient implements SimPeer {
  readonly name: string;
  readonly requests: SimRequest[] = [];
  readonly pushed: Map<string, string[]> = new Map();
  trace = 0;
  #client: (SessionClient & SubmitCalls) | undefined;
  readonly #ready: Promise<void>;
  #open = 0;

  constructor(
    network: SimNetwork,
    port: number,
    name: string,
    clock: Clock,
    options: RealOptions,
  ) {
    this.name = name;
    this.#ready = connect(`tcp://127.0.0.1:${port}`, {
      transport: network,
      clock,
      ...options,
      session: true,
      reconnect: true,
      firstConnect: "wait",
      backoffMinMs: 10,
      backoffMaxMs: 100,
      lingerMs: 500,
      maxQueued: 10_000,
    }).then((client) => {
      this.#client = client;
      client.onPush((payload) => {
        const { id } = client.session;
        const text = new TextDecoder().decode(payload);
        this.#note(`push ${text}`);
        const pushed = this.pushed.get(id);
        if (pushed === undefined) this.pushed.set(id, [text]);
        else pushed.push(text);
      });
    });
  }

  get session(): { readonly id: string } | undefined {
    return this.#client?.session;
  }

  get lost(): number {
    return this.#client?.session.lost ?? 0;
  }

  get isUp(): boolean {
    return this.#client?.status === "up";
  }

  get isBusy(): boolean {
    return this.#open > 0;
  }

  /** It does that by itself. */
  connect(): Promise<void> {
    return Promise.resolve();
  }

  /** It does that by itself. */
  acknowledge(): void {}

  /** It does that by itself. */
  forget(): void {}

  make(request: SimRequest): void {
    this.requests.push(request);
    this.#open++;
    void this.#ready.then(() => this.#call(request)).then((fate) => {
      this.#note(`${request.key} ${fate}`);
      request.fate = fate;
      this.#open--;
    });
  }

  async close(): Promise<void> {
    await this.#client?.close({ deadlineMs: 0 });
  }

  async #call({ key, isRequest }: SimRequest): Promise<SimRequest["fate"]> {
    try {
      if (!isRequest) {
        await this.#client!.submit(key);
        return "0:";
      }
      return `0:${new TextDecoder().decode(await this.#client!.request(key))}`;
    } catch (error) {
      if (!isFramewireError(error)) throw error;
      // By this client's clock, or by the server's, which was told the deadline.
      if (error.code === "DEADLINE_EXCEEDED" || error.result === Result.DEADLINE_EXCEEDED) {
        return "late";
      }
      if (error.outcome === "answered") return `${error.result ?? -1}:*`;
      return error.outcome === "unknown" ? "unknown" : `-1:${error.code} ${error.outcome}`;
    }
  }

  #note(text: string): void {
    for (let i = 0; i < text.length; i++) this.trace = (this.trace * 31 + text.charCodeAt(i)) | 0;
  }
}
