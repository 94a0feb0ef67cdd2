/**
 * Replies of one kind that follow each other in a batch, encoded in one go.
 *
 * Most replies are a template, a few bytes of their request's header, and some numbers. What a
 * handler returned is checked and read at once; its bytes are written column by column when the run
 * ends. So each loop does one thing with everything at hand: a quarter of the time that the same
 * takes reply by reply.
 *
 * @module
 */
import type { ByteWriter } from "../../codec/byte_writer.ts";
import { type WholeNumber, wholeNumbers } from "./fields/numbers.ts";
import type { Shape } from "./fields/field.ts";
import type { FrameTemplate } from "./frame_template.ts";

/** Shorter frames have no word to write. */
const LEAST_BYTES = 4;
/** The most replies of a run. */
const RUN_REPLIES = 256;
/** The most fields that replies in a run have. */
const MOST_FIELDS = 8;

/** How replies of one kind are made, when that is simple. */
export class ReplyPlan {
  /** The names of its fields. */
  readonly names: readonly string[];
  /** How they stand. */
  readonly numbers: readonly WholeNumber[];
  /** What is before them. */
  readonly template: FrameTemplate;
  /** The name of its field, where it has but one: most replies have, and are read without a loop. */
  readonly only: string | undefined;
  /** The least that it may be. */
  readonly min: number;
  /** The most that it may be. */
  readonly max: number;

  /** The plan of replies that are numbers behind a template. */
  constructor(template: FrameTemplate, names: readonly string[], numbers: readonly WholeNumber[]) {
    this.template = template;
    this.names = names;
    this.numbers = numbers;
    this.only = names.length === 1 ? names[0] : undefined;
    this.min = numbers[0]?.min ?? 0;
    this.max = numbers[0]?.max ?? 0;
  }

  /** The plan of replies with this body; null when they are not that simple. */
  static of(template: FrameTemplate, body: Shape): ReplyPlan | null {
    const numbers = Object.values(body).map((field) => wholeNumbers.get(field));
    if (
      template.frameBytes < LEAST_BYTES || numbers.length > MOST_FIELDS ||
      numbers.includes(undefined)
    ) {
      return null;
    }
    return new ReplyPlan(template, Object.keys(body), numbers as WholeNumber[]);
  }
}

/** The run of the batch under way. Batches do not nest. */
export class ReplyRun {
  readonly #writer: ByteWriter;
  /** Where the headers of the requests begin. */
  readonly #headers = new Int32Array(RUN_REPLIES);
  /** The values of each field, one field after the other. */
  readonly #values = new Int32Array(RUN_REPLIES * MOST_FIELDS);
  #plan: ReplyPlan | undefined;
  #chunk: Uint8Array | undefined;
  #count = 0;
  /**
   * What stands in the writer's memory from its beginning on, of batches before: so many bytes of
   * rows of one template. Writing them anew for each batch was a quarter of what writing a run took.
   */
  #rows = 0;
  #rowsOf: FrameTemplate | undefined;
  /** In which of the memories that the writer has had. */
  #rowsIn = 0;

  /** Runs that are written to the end of `writer`; others write there by {@linkcode behind}. */
  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /**
   * Takes the reply to the request whose header begins at `chunk[header]`, if it fits into the run.
   *
   * @param given What the handler returned; a promise is never taken.
   * @returns Whether it was taken; else it is to be encoded otherwise, behind the run.
   */
  take(plan: ReplyPlan, given: unknown, chunk: Uint8Array, header: number): boolean {
    if (this.#count === RUN_REPLIES) this.end();
    const count = this.#count;
    if (count === 0) {
      this.#plan = plan;
      this.#chunk = chunk;
    } else if (plan !== this.#plan || chunk !== this.#chunk) {
      return false;
    }
    if (typeof given !== "object" || given === null) {
      if (given !== undefined || plan.names.length > 0) return false;
    } else {
      const fields = given as Readonly<Record<string, unknown>>;
      if (fields["header"] !== undefined || typeof fields["then"] === "function") return false;
      const { only } = plan;
      if (only === undefined) {
        if (!this.#read(plan, fields, count)) return false;
      } else {
        const value = fields[only];
        if (typeof value !== "number" || value < plan.min || value > plan.max) return false;
        const whole = value | 0;
        if (whole !== value && value >>> 0 !== value) return false;
        this.#values[count] = whole;
      }
    }
    this.#headers[count] = header;
    this.#count = count + 1;
    return true;
  }

  #read(plan: ReplyPlan, given: Readonly<Record<string, unknown>>, count: number): boolean {
    const { names, numbers } = plan;
    const values = this.#values;
    for (let i = 0; i < names.length; i++) {
      const value = given[names[i]!];
      if (typeof value !== "number") return false;
      const whole = value | 0;
      if (whole !== value && value >>> 0 !== value) return false;
      const { min, max } = numbers[i]!;
      if (value < min || value > max) return false;
      values[i * RUN_REPLIES + count] = whole;
    }
    return true;
  }

  /** Ends the run, for what is to be written behind it. */
  behind(): ByteWriter {
    this.end();
    const writer = this.#writer;
    if (writer.at < this.#rows) this.#rows = writer.at;
    return writer;
  }

  /** Writes the run, and begins another one. */
  end(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    const writer = this.#writer;
    const { template, numbers } = this.#plan!;
    const chunk = this.#chunk!;
    this.#chunk = undefined;
    const { at } = writer;
    this.#makeRows(template, count);
    template.copyRows(writer, at, chunk, this.#headers, count);
    let to = at + template.body;
    for (let i = 0; i < numbers.length; i++) {
      this.#writeColumn(writer, to, numbers[i]!, i * RUN_REPLIES, count, template.frameBytes);
      to += numbers[i]!.width;
    }
  }

  /** Makes `count` rows of the template; what is there of them already stays. */
  #makeRows(template: FrameTemplate, count: number): void {
    const writer = this.#writer;
    const step = template.frameBytes;
    writer.room(count * step);
    const { at } = writer;
    const past = at + count * step;
    let from = at;
    if (template === this.#rowsOf && writer.memories === this.#rowsIn) {
      // Up to here, if these are rows, this batch has written nothing else.
      if (at <= this.#rows) {
        from = Math.min(this.#rows, past);
        this.#rows = Math.max(this.#rows, past);
      }
    } else if (at === 0) {
      this.#rowsOf = template;
      this.#rowsIn = writer.memories;
      this.#rows = past;
    } else if (at < this.#rows) {
      this.#rows = at;
    }
    if (from < past) template.writeRows(writer, from, past);
    writer.at = past;
  }

  #writeColumn(
    { view, bytes }: ByteWriter,
    at: number,
    { width, littleEndian }: WholeNumber,
    from: number,
    count: number,
    step: number,
  ): void {
    const values = this.#values;
    const past = from + count;
    let to = at;
    switch (width) {
      case 1:
        for (let i = from; i < past; i++, to += step) bytes[to] = values[i]!;
        return;
      case 2:
        for (let i = from; i < past; i++, to += step) view.setInt16(to, values[i]!, littleEndian);
        return;
      case 4:
        for (let i = from; i < past; i++, to += step) view.setInt32(to, values[i]!, littleEndian);
    }
  }
}
