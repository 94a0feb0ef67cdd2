/**
 * How requests are answered: with what their handler returned, or, when that failed, as the protocol
 * says.
 *
 * @module
 */
import type { ByteWriter } from "../../codec/byte_writer.ts";
import type { CloseReason } from "../../connection/close_reason.ts";
import { FramewireError, thrownText } from "../../errors.ts";
import { isGateRefusal } from "../../gates/gate_refusal.ts";
import type { PacketTable } from "./packet_table.ts";
import type { PacketType } from "./packet_type.ts";
import type { DefinedSide } from "./side.ts";
import { describe } from "../protocol.ts";

/** Fields to send. */
export type AnyFields = Readonly<Record<string, unknown>> | undefined;

/** A packet to answer with. */
export interface AnyAnswer {
  readonly packet: string;
  readonly header?: unknown;
  readonly body?: unknown;
}

/** How a protocol treats requests. */
export interface Rules {
  /** Whether replies leave in the order of their requests. */
  readonly ordered: boolean;
  /** What answers a request that failed. */
  readonly failure?: (request: string, error: unknown, header: never) => AnyAnswer | undefined;
  /** What answers a packet of an unknown kind. */
  readonly unknown?: (header: never) => AnyAnswer | "ignore" | undefined;
}

/** What answering tells its endpoint. */
export interface AnswerEvents {
  /** Something failed that is worth an `error` event. */
  report(error: FramewireError): void;
  /** A request could not be answered, and the next reply would be taken for its. */
  misleading(reason: CloseReason): void;
}

/** Encodes answers to the requests of one connection. */
export class Answers {
  readonly #table: PacketTable;
  readonly #rules: Rules;
  readonly #events: AnswerEvents;
  /** Replies put out since it was last told. */
  replied = 0;
  /** Those among them that say that the request failed. */
  failures = 0;

  /** Answers by a protocol's rules. */
  constructor(table: PacketTable, rules: Rules, events: AnswerEvents) {
    this.#table = table;
    this.#rules = rules;
    this.#events = events;
  }

  /** Tells a side what was answered since the last time. */
  tell(side: Pick<DefinedSide, "replied">): void {
    if (this.replied === 0) return;
    side.replied(this.replied, this.failures);
    this.replied = this.failures = 0;
  }

  /**
   * Encodes the reply to the request whose header begins at `chunk[start]`, or, when that fails,
   * what answers failed requests.
   */
  reply(
    writer: ByteWriter,
    type: PacketType,
    chunk: Uint8Array,
    start: number,
    returned: unknown,
  ): void {
    try {
      const reply = type.replies.length === 1 ? type.replies[0]! : named(type, returned);
      if (typeof returned !== "object" || returned === null) checkNothing(type, reply, returned);
      reply.reply(writer, returned as AnyFields, chunk, start);
      this.replied++;
    } catch (error) {
      this.failed(writer, type, chunk, start, error);
    }
  }

  /** A request failed: reports it, and answers it if the protocol knows how. */
  failed(
    writer: ByteWriter,
    type: PacketType,
    chunk: Uint8Array,
    start: number,
    cause: unknown,
  ): void {
    if (!isGateRefusal(cause)) {
      this.#report(`the handler of ${type.name} failed: ${thrownText(cause)}`, cause);
    }
    if (type.replies.length === 0) return;
    const { failure } = this.#rules;
    try {
      if (failure !== undefined) {
        const header = type.framing.header.readRecord(chunk, start, chunk.length);
        const answer = failure(type.name, cause, header as never);
        if (answer !== undefined) {
          this.answer(writer, answer, chunk, start);
          return;
        }
      }
    } catch (error) {
      this.#report(`the failure reply of ${type.name} failed: ${thrownText(error)}`, error);
    }
    if (this.#table.correlated) return;
    this.#events.misleading({
      code: "HANDLER_FAILED",
      message: `a ${type.name} could not be answered, and replies come in order`,
    });
  }

  /** What is done with a packet of an unknown kind. */
  unknown(chunk: Uint8Array, start: number, end: number): AnyAnswer | "ignore" | undefined {
    const { unknown } = this.#rules;
    if (unknown === undefined) return undefined;
    return unknown(this.#table.framing.header.readRecord(chunk, start, end) as never);
  }

  /** Encodes a packet that says that a request failed. */
  answer(writer: ByteWriter, answer: AnyAnswer, chunk: Uint8Array, start: number): void {
    const reply = this.#table.named(answer.packet);
    if (reply === undefined) {
      throw new FramewireError("INVALID_OPTION", `the answer names ${answer.packet}: no packet`);
    }
    const header = answer.header === undefined ? {} : { header: answer.header };
    const fields = { ...(answer.body as AnyFields), ...header };
    reply.reply(writer, fields, chunk, start);
    this.replied++;
    this.failures++;
  }

  #report(message: string, cause: unknown): void {
    this.#events.report(new FramewireError("HANDLER_FAILED", message, { cause }));
  }
}

/** What a handler returned that is no object must be nothing. */
function checkNothing(type: PacketType, reply: PacketType, returned: unknown): void {
  if (returned === undefined) return;
  throw new FramewireError(
    "INVALID_FIELD",
    `the handler of ${type.name} must return the fields of ${reply.name} and returned ` +
      describe(returned),
  );
}

/** The one of several replies that a handler has named. */
function named(type: PacketType, returned: unknown): PacketType {
  const name = (returned as { readonly packet?: unknown } | null | undefined)?.packet;
  const found = type.replies.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  throw new FramewireError(
    "INVALID_FIELD",
    `the handler of ${type.name} must return an object whose packet is one of ` +
      `${type.replies.map((one) => one.name).join(", ")}; it is ${describe(name)}`,
  );
}
