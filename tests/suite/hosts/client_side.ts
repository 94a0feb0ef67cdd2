/**
 * The client's side of a behaviour, over the `connect` and the transport of whichever runtime.
 *
 * @module
 */

import type { Client } from "../../../src/client/client.ts";
import type { Connect, ConnectOptions } from "../../../src/client/connect.ts";
import type { SessionClient } from "../../../src/client/session_client.ts";
import type { ReconnectingClient } from "../../../src/client/status.ts";
import type { ConnectTarget, Link, Transport } from "../../../src/link/link.ts";
import { parseUrl } from "../../../src/link/url.ts";
import type { TlsClientOptions } from "../../../src/options/tls.ts";
import type { CallsOf, ProtocolChoice } from "../../../src/protocol/choice.ts";
import type { SessionTicket } from "../../../src/protocol/client_session.ts";
import { Raw } from "./raw.ts";
import type { Carrier, ClientSide, CodecName } from "../sides.ts";

/** On a busy machine a slow server shall not be taken for one that does not answer. */
const PATIENT = { connectTimeoutMs: 120_000, requestTimeoutMs: 120_000 };

/** How one run of a client is made. */
export interface Run {
  readonly run: number;
  readonly carrier: Carrier;
  readonly codec: CodecName;
  readonly url: string;
  readonly connect: Connect;
  readonly transport: Transport;
  /** TLS, where the runtime does not have its authorities from elsewhere. */
  readonly tls: TlsClientOptions | undefined;
}

/** What both sides of a comparison look like in a message. */
const shown = (value: unknown) => JSON.stringify(value) ?? String(value);

/** A {@linkcode ClientSide} that counts what it has found. */
export class CountingSide implements ClientSide {
  readonly #how: Run;
  readonly #links = new Set<Link>();
  readonly #transport: Transport;
  /** What ends whatever was made, should it be left over. */
  readonly #ends: (() => unknown)[] = [];
  /** How much was compared. */
  checks = 0;

  constructor(how: Run) {
    this.#how = how;
    this.#transport = {
      ...how.transport,
      connect: async (target) => {
        const link = await how.transport.connect(target);
        this.#links.add(link);
        return link;
      },
    };
  }

  get run(): number {
    return this.#how.run;
  }

  get carrier(): Carrier {
    return this.#how.carrier;
  }

  connect<P extends ProtocolChoice = "submit">(
    options: ConnectOptions<P> = {},
  ): Promise<Client & CallsOf<P>> {
    const { url, connect } = this.#how;
    const once = { ...this.#options(), reconnect: false, ...options };
    return this.#made(connect(url, once as ConnectOptions<P>));
  }

  stay<P extends ProtocolChoice = "submit">(
    options: ConnectOptions<P> = {},
  ): Promise<ReconnectingClient & CallsOf<P>> {
    const { url, connect } = this.#how;
    const all = { ...this.#options(), transport: this.#transport, ...options };
    return this.#made(connect(url, all as ConnectOptions<P> & { readonly reconnect?: true }));
  }

  session(session: true | SessionTicket): Promise<SessionClient & CallsOf<"submit">> {
    const { url, connect } = this.#how;
    const all = { ...this.#options(), transport: this.#transport, backoffMinMs: 1, session };
    return this.#made(connect(url, all));
  }

  connectToNobody(): Promise<Client> {
    const { url, connect } = this.#how;
    const elsewhere = url.startsWith("unix:") ? `${url}.none` : url.replace(/:\d+/, ":1");
    return connect(elsewhere, { ...this.#options(), reconnect: false });
  }

  async raw(): Promise<Raw> {
    const { url, tls = {}, transport } = this.#how;
    const { secure, ...target } = parseUrl(url);
    const whole: ConnectTarget = { ...target, noDelay: true, ...(secure && { tls }) };
    const raw = await Raw.connect(transport, whole);
    this.#ends.push(() => raw.abort());
    return raw;
  }

  cut(): void {
    for (const link of this.#links) link.abort();
    this.#links.clear();
  }

  equal(actual: unknown, expected: unknown, what: string): void {
    const [came, wanted] = [shown(actual), shown(expected)];
    this.ok(came === wanted, `${what}: expected ${wanted}, came ${came}`);
  }

  ok(holds: boolean, what: string): void {
    this.checks++;
    if (!holds) throw new Error(what);
  }

  /** Ends what a behaviour that failed has left. */
  end(): void {
    for (const end of this.#ends) end();
  }

  async #made<C extends Client>(connecting: Promise<C>): Promise<C> {
    const client = await connecting;
    this.#ends.push(() => client.close({ deadlineMs: 0 }));
    return client;
  }

  #options() {
    const { carrier, codec, transport, tls } = this.#how;
    const isSecure = carrier === "tls" || carrier === "wss";
    return {
      ...PATIENT,
      codec,
      ...(isSecure && tls !== undefined && { tls }),
      ...(carrier === "memory" && { transport }),
    };
  }
}
