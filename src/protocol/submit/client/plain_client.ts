/**
 * The client's side of the `submit` protocol to a plain server: besides submitting, uploads, heartbeats,
 * and calls that go elsewhere when they were not sent. What takes a hello it refuses.
 *
 * @module
 */
import { Outbound } from "../../../connection/outbound.ts";
import type { Connection } from "../../../connection/connection.ts";
import type { CallOptions } from "../../call_limits.ts";
import type { ClientSide } from "../../protocol.ts";
import type { LostCall } from "../../unsent.ts";
import type { SubmitCalls } from "./calls.ts";
import { SubmitClientEndpoint } from "./client.ts";
import {
  Command,
  EMPTY_CONN,
  type Feature,
  LAST_ID,
  readId,
  SUBMIT_HEADER_BYTES,
} from "../commands.ts";
import { readU32 } from "../frame_out.ts";
import { lacks } from "./lacks.ts";
import { PlainUploads } from "./plain_uploads.ts";
import type { SubmitOptions, SubmitSource } from "./source.ts";

const NO_FEATURES: ReadonlySet<Feature> = /* @__PURE__ */ new Set();

/** One connection's endpoint. */
export class PlainClientEndpoint extends SubmitClientEndpoint implements SubmitCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  /** From the first one on. */
  #uploads: PlainUploads | undefined;
  /** Those whose answer has not come. */
  #heartbeats = 0;

  constructor(connection: Connection, side: ClientSide) {
    super(connection, side);
    this.#connection = connection;
    this.#side = side;
    this.open.takesBack = (call, bytes, at) => this.#giveBack(call, bytes, at);
  }

  /** {@inheritDoc ClientEndpoint.givesBack} */
  get givesBack(): boolean {
    return this.open.refused === undefined && !this.#hasUploads && !this.open.book.full;
  }

  /** Whether an upload has begun: the places of what is put out behind one are not exact. */
  get #hasUploads(): boolean {
    return this.#uploads !== undefined && this.#uploads.begun;
  }

  /** Hands over a submit that was not sent, with the payload that its frame holds. */
  #giveBack(call: LostCall, bytes: Uint8Array, at: number): boolean {
    const { unsent } = this.#side;
    const { number, ...rest } = call;
    if (unsent === undefined || this.#hasUploads || this.open.book.noteOf?.(number) === number) {
      return false;
    }
    const total = readU32(bytes, at);
    if (!(at + total <= bytes.length) || readId(bytes, at + 5) !== (number % LAST_ID) + 1) {
      return false;
    }
    unsent({ ...rest, payload: bytes.slice(at + SUBMIT_HEADER_BYTES, at + total) });
    return true;
  }

  protected override upload(
    source: SubmitSource,
    options?: CallOptions & SubmitOptions,
  ): Promise<void> {
    if (!(this.#connection.outbound instanceof Outbound)) return super.upload(source, options);
    this.#uploads ??= new PlainUploads({
      connection: this.#connection,
      maxFrameBytes: this.#side.maxFrameBytes,
      open: this.open,
      nextId: () => this.nextId(),
    });
    return this.#uploads.submit(source, options);
  }

  /** {@inheritDoc SubmitCalls.request} */
  request(): Promise<Uint8Array> {
    return Promise.reject(lacks("request"));
  }

  /** {@inheritDoc SubmitCalls.ping} */
  ping(): Promise<number> {
    return Promise.reject(lacks("ping"));
  }

  /** Plain servers push nothing. */
  onPush(): void {}

  /** Plain servers give no notice. */
  onGoAway(): void {}

  /** {@inheritDoc SubmitCalls.features} */
  features(): ReadonlySet<Feature> {
    return NO_FEATURES;
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    if (!this.#side.options.heartbeatMs) return false;
    const { outbound } = this.#connection;
    outbound.reserve(EMPTY_CONN.length).set(EMPTY_CONN, outbound.at);
    outbound.commit(EMPTY_CONN.length);
    this.#heartbeats++;
    return true;
  }

  /** The answer to a heartbeat. */
  protected override takesOther(command: number): boolean {
    if (this.#heartbeats === 0 || command !== Command.CONN_ACK) return false;
    this.#heartbeats--;
    return true;
  }
}
