/**
 * A client with a session, as simple as it can be, written from docs/PROTOCOL.md alone: what it believes
 * of its requests and pushes is what a simulation checks.
 *
 * @module
 */

import type { Link } from "../../src/link/link.ts";
import { frame, join, u32 } from "../helpers/frames.ts";
import { hello, PUSH, PUSH_ACK, REQUEST, RESPONSE } from "../helpers/hello.ts";
import type { SimNetwork } from "../helpers/sim_network.ts";

/** What became of a request: not settled, not known, given up for its time, or its result and what came with it. */
export type Fate = "open" | "unknown" | "late" | `${number}:${string}`;

/** A request of a simulated client. */
export interface SimRequest {
  readonly key: string;
  readonly isRequest: boolean;
  fate: Fate;
}

/** A client of a simulation. */
export interface SimPeer {
  readonly name: string;
  readonly requests: readonly SimRequest[];
  /** What it was pushed, by session. */
  readonly pushed: ReadonlyMap<string, readonly string[]>;
  /** All that it was told, as one number. */
  readonly trace: number;
  /** How often its session was lost. */
  readonly lost: number;
  readonly session: { readonly id: string } | undefined;
  readonly isUp: boolean;
  /** Whether requests are not settled, or pushes not acknowledged: then the server may keep more. */
  readonly isBusy: boolean;
  /** Makes a connection, whatever has become of the last one. */
  connect(): Promise<void>;
  /** Makes a request. */
  make(request: SimRequest): void;
  /** Acknowledges what it was pushed. */
  acknowledge(): void;
  /** Closes connections that it took for dead. */
  forget(): void;
  /** It needs nothing any more. */
  close(): Promise<void>;
}

/** A request and its number. */
interface Sent {
  seq: number;
  readonly request: SimRequest;
}

const SUBMIT = 0x02;
const CONN_ACK = 0x81;
const SUBMIT_ACK = 0x82;
const GO_AWAY = 0x07;
const DRAINING = 8;
const FORGOTTEN = 10;
const FEATURES = ["request", "push", "drain"];

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** The simple client. */
export class SimClient implements SimPeer {
  readonly #network: SimNetwork;
  readonly #port: number;
  readonly name: string;
  readonly requests: SimRequest[] = [];
  /** What it was pushed, by session. */
  readonly pushed: Map<string, string[]> = new Map();
  trace = 0;
  lost = 0;
  session: { readonly id: string; readonly secret: string } | undefined;
  /** Unanswered, in order, with their numbers in the session; 0 for those never sent. */
  #open: Sent[] = [];
  #lastId = 0;
  #lastPush = 0;
  /** Up to which push it has told the server on this connection, in the hello or later. */
  #acknowledged = 0;
  #link: Link | undefined;
  /** Connections that it took for dead. */
  readonly #abandoned: Link[] = [];
  #state: "none" | "greeting" | "up" | "leaving" = "none";
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(network: SimNetwork, port: number, name: string) {
    this.#network = network;
    this.#port = port;
    this.name = name;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  get isBusy(): boolean {
    return this.#open.length > 0 || this.#acknowledged < this.#lastPush;
  }

  async connect(): Promise<void> {
    let link: Link;
    try {
      link = await this.#network.connect({ hostname: "sim", port: this.#port });
    } catch {
      return; // nobody listens
    }
    if (this.#link !== undefined) this.#abandoned.push(this.#link);
    this.#link = link;
    this.#state = "greeting";
    this.#bytes = new Uint8Array(0);
    const mine = (then: () => void) => {
      if (this.#link === link) then();
    };
    link.start({
      data: (chunk) => {
        mine(() => this.#take(chunk));
        return false;
      },
      reserve: () => true,
      ended: () => {
        link.end();
        mine(() => this.#state = "leaving");
      },
      written() {},
      closed: () => mine(() => this.#gone()),
    });
    const session = this.session === undefined
      ? {}
      : { ...this.session, lastPush: String(this.#lastPush).padStart(8, "0") };
    this.#acknowledged = this.#lastPush;
    link.write(hello({ features: FEATURES, session }));
  }

  make(request: SimRequest): void {
    this.requests.push(request);
    const entry = { seq: 0, request };
    this.#open.push(entry);
    if (this.#state === "up") this.#send([entry]);
  }

  forget(): void {
    for (const link of this.#abandoned.splice(0)) link.abort();
  }

  close(): Promise<void> {
    this.#link?.abort();
    return Promise.resolve();
  }

  acknowledge(): void {
    if (this.#state !== "up" || this.#lastPush === 0) return;
    this.#acknowledged = this.#lastPush;
    this.#link!.write(frame(PUSH_ACK, this.#lastPush));
  }

  #note(value: number): void {
    this.trace = (this.trace * 31 + value) | 0;
  }

  #gone(): void {
    this.#link = undefined;
    this.#state = "none";
  }

  #send(entries: readonly Sent[]): void {
    const frames = entries.map((entry) => {
      if (entry.seq === 0) entry.seq = ++this.#lastId;
      const { key, isRequest } = entry.request;
      if (!isRequest) return frame(SUBMIT, entry.seq, key);
      return frame(REQUEST, entry.seq, join(u32(0), new TextEncoder().encode(key)));
    });
    if (frames.length > 0) this.#link!.write(join(...frames));
  }

  #take(chunk: Uint8Array): void {
    this.#bytes = join(this.#bytes, chunk);
    for (;;) {
      const { length } = this.#bytes;
      if (length < 4) return;
      const total = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getUint32(0);
      if (length < total) return;
      const bytes = this.#bytes.subarray(0, total);
      this.#bytes = this.#bytes.slice(total);
      this.#frame(
        bytes[4]!,
        Number(String.fromCharCode(...bytes.subarray(5, 13))),
        bytes.slice(13),
      );
      if (this.#link === undefined) return;
    }
  }

  #frame(command: number, id: number, body: Uint8Array): void {
    const text = new TextDecoder().decode(body.subarray(1));
    // Names and secrets of sessions are random, whatever the seed.
    for (const byte of command === CONN_ACK ? [body[0]!] : body) this.#note(byte);
    this.#note(command);
    this.#note(id);
    switch (command) {
      case CONN_ACK:
        check(this.#state === "greeting", "a second welcome");
        if (body[0] !== 0) return; // it is turned away, and tries again
        return this.#welcome(JSON.parse(text));
      case SUBMIT_ACK:
      case RESPONSE: {
        check(this.#state !== "greeting", "an answer before the welcome");
        const at = this.#open.findIndex(({ seq }) => seq === id);
        check(at >= 0, `${this.name}: an answer to ${id}, which is not open`);
        const { request } = this.#open[at]!;
        check(request.isRequest === (command === RESPONSE), `the wrong reply to ${request.key}`);
        if (body[0] === DRAINING) return; // not handled: it stays open
        this.#open.splice(at, 1);
        request.fate = body[0] === FORGOTTEN ? "unknown" : `${body[0]!}:${text}`;
        return;
      }
      case PUSH: {
        check(id === this.#lastPush + 1, `${this.name}: push ${id} after ${this.#lastPush}`);
        this.#lastPush = id;
        const all = new TextDecoder().decode(body);
        const { id: session } = this.session!;
        const pushed = this.pushed.get(session);
        if (pushed === undefined) this.pushed.set(session, [all]);
        else pushed.push(all);
        return;
      }
      case GO_AWAY:
        this.#state = "leaving";
        return;
    }
    throw new Error(`${this.name}: command ${command}`);
  }

  #welcome({ session }: { session: { id: string; secret: string; resumed: boolean } }): void {
    const { id, secret, resumed } = session;
    if (this.session !== undefined && resumed) {
      check(id === this.session.id, `${this.name}: another session was resumed`);
    } else {
      check(!resumed, `${this.name}: resumed, though nothing was asked for`);
      if (this.session !== undefined) this.lost++;
      this.#lastId = 0;
      this.#lastPush = this.#acknowledged = 0;
      for (const entry of this.#open) if (entry.seq > 0) entry.request.fate = "unknown";
      this.#open = this.#open.filter(({ seq }) => seq === 0);
    }
    this.session = { id, secret };
    this.#state = "up";
    this.#send(this.#open);
  }
}
