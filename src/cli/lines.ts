/**
 * A stream of bytes, line by line.
 *
 * @module
 */
import { CommandError } from "./failure.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Cuts a stream into its lines, without their `\n` or `\r\n`, as the bytes they are. No more is
 * read than what is asked for: memory holds one chunk and one line.
 *
 * @param mostBytes A longer line is an error: it must not fill the memory.
 * @param stop Ends the reading when it aborts, even while nothing comes.
 * @throws CommandError A line is too long.
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  mostBytes: number,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  stop.addEventListener("abort", cancel, { once: true });
  let number = 1;
  /** The pieces of a line whose end has not come. */
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  const check = (bytes: number) => {
    if (bytes <= mostBytes) return;
    throw new CommandError(
      `line ${number} of standard input is longer than ${mostBytes} bytes; raise --max-frame`,
    );
  };
  try {
    while (!stop.aborted) {
      const { done, value: chunk } = await reader.read();
      if (done) break;
      let from = 0;
      for (let to; (to = chunk.indexOf(NEWLINE, from)) >= 0; from = to + 1) {
        const piece = chunk.subarray(from, to);
        const line = withoutReturn(begun.length === 0 ? piece : concat([...begun, piece]));
        check(line.length);
        yield line;
        begun = [];
        begunBytes = 0;
        number++;
      }
      if (from === chunk.length) continue;
      begun.push(chunk.slice(from));
      begunBytes += chunk.length - from;
      check(begunBytes - 1); // its last byte may be a `\r`
    }
    if (begunBytes === 0 || stop.aborted) return;
    const last = withoutReturn(concat(begun));
    check(last.length);
    yield last;
  } finally {
    stop.removeEventListener("abort", cancel);
    cancel();
  }
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
