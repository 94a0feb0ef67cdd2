/**
 * Streamed submits of a peer that has said hello.
 *
 * Not where frames end in a checksum: nothing of such a frame may be believed before all of it has come.
 * A compressed body comes whole, too.
 *
 * @module
 */
import { type Connection, State } from "../../../connection/connection.ts";
import type { ServerSide } from "../../protocol.ts";
import { type Answer, OK } from "./answer.ts";
import { Command, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { readU32 } from "../frame_out.ts";
import { type SubmitPacket } from "./packet.ts";
import { RequestRefused } from "./refused.ts";
import { settledAnswer } from "./reply_out.ts";
import { StreamedSubmits } from "./streamed.ts";
import { openTurn, type Turn, type UnderWay } from "./under_way.ts";

/** What the endpoint does for them. */
export interface HelloStreamsHost {
  /** The requests under way. */
  readonly later: UnderWay;
  /** Whether requests are answered that the connection goes away. */
  readonly draining: boolean;
  /** Calls the handler. */
  handle(packet: SubmitPacket): unknown;
  /** A request was taken, with this head. */
  took(head: Uint8Array): void;
  /** Sends the answer to a request. */
  settle(turn: Turn, reply: Answer): void;
}

/** What takes the long submits of a connection. */
export function helloStreams(
  overBytes: number,
  connection: Connection,
  side: ServerSide,
  host: HelloStreamsHost,
): StreamedSubmits {
  const turns = new Map<number, Turn>();
  return new StreamedSubmits(overBytes, Command.SUBMIT, {
    accept(head) {
      const { later } = host;
      if (later.full || connection.state !== State.OPEN) return undefined;
      const turn = later.freeTurn();
      openTurn(turn, head, 0, SUBMIT_HEADER_BYTES, Command.SUBMIT, 0);
      turn.wireBytes = readU32(head, 0);
      const kept = later.keep(0);
      later.accept(turn, kept, 0);
      later.release(kept);
      turns.set(turn.seq, turn);
      if (!host.draining) host.took(head);
      return turn.seq;
    },
    handle(packet) {
      // What is left of its body is thrown away as it comes.
      if (host.draining) throw new RequestRefused(undefined, { result: Result.DRAINING });
      return host.handle(packet);
    },
    signal: (seq) => turns.get(seq)?.packet.signal,
    touch: (seq) => host.later.touch(turns.get(seq)!),
    settle(seq, failed, error) {
      const turn = turns.get(seq)!;
      turns.delete(seq);
      if (host.later.pending(turn)) {
        host.settle(turn, failed ? settledAnswer(side, turn, true, error) : OK);
      }
      host.later.free(turn);
    },
    resume: () => connection.resume(),
  });
}
