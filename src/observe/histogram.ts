/**
 * A histogram of times: fixed memory, any range, a known error.
 *
 * Log-linear, as HdrHistogram's: each power of two is cut into 64 buckets of the same width, so that a
 * percentile is at most 1/64 (1.6 %) off. Which bucket a value belongs to stands in the first bits of
 * its floating-point number (IEEE 754, 3.4): the exponent, then the first 6 bits of the fraction.
 *
 * @module
 */

/** Buckets in each power of two, as a number of bits. */
const FRACTION_BITS = 6;
/** The least power of two that has buckets of its own: 2⁻¹⁴ ms is 61 ns. What is less is counted there. */
const LEAST_EXPONENT = -14;
/** The first one without: 2²⁵ ms is 9 hours. What is more is counted in the last bucket. */
const END_EXPONENT = 25;
const SHIFT = 20 - FRACTION_BITS;
const BIAS = 1023;
const FIRST = (BIAS + LEAST_EXPONENT) << FRACTION_BITS;
const BUCKETS = (END_EXPONENT - LEAST_EXPONENT) << FRACTION_BITS;

/** What a histogram says at one moment; all 0 while it is empty. Times are in milliseconds. */
export interface TimeSummary {
  /** Values recorded. */
  readonly count: number;
  /** The least one. */
  readonly min: number;
  /** Their mean. */
  readonly mean: number;
  /** Half of them are no more than this. */
  readonly p50: number;
  /** 90 % of them are no more than this. */
  readonly p90: number;
  /** 99 % of them are no more than this. */
  readonly p99: number;
  /** 99.9 % of them are no more than this. */
  readonly p999: number;
  /** The greatest one. */
  readonly max: number;
}

const bits = new DataView(new ArrayBuffer(8));

/** Counts times, in milliseconds. */
export class Histogram {
  /** 20 KB, from the first value on. Not 32-bit numbers: a busy server fills one in an hour. */
  #buckets: Float64Array | undefined;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /**
   * Records a value.
   *
   * @param ms The time, in milliseconds; less than 0 counts as 0.
   * @param times How often it was seen.
   */
  record(ms: number, times: number = 1): void {
    const value = ms > 0 ? ms : 0;
    const buckets = this.#buckets ??= new Float64Array(BUCKETS);
    bits.setFloat64(0, value);
    const bucket = (bits.getUint32(0) >>> SHIFT) - FIRST;
    buckets[bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket]! += times;
    this.#count += times;
    this.#sum += value * times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /**
   * A percentile.
   *
   * @param fraction Which one: 0.99 is the 99th.
   * @returns The value that this fraction of all is no more than, in milliseconds; 0 when empty.
   */
  percentile(fraction: number): number {
    const buckets = this.#buckets;
    if (buckets === undefined || this.#count === 0) return 0;
    let left = Math.max(1, Math.ceil(fraction * this.#count));
    let bucket = 0;
    while (bucket < BUCKETS - 1 && (left -= buckets[bucket]!) > 0) bucket++;
    // The bucket's upper end, as far as values went: a percentile never flatters.
    bits.setUint32(0, (bucket + FIRST + 1) << SHIFT);
    bits.setUint32(4, 0);
    return Math.max(this.#min, Math.min(this.#max, bits.getFloat64(0)));
  }

  /** All that is usually asked for. */
  summary(): TimeSummary {
    const count = this.#count;
    return {
      count,
      min: count === 0 ? 0 : this.#min,
      mean: count === 0 ? 0 : this.#sum / count,
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    };
  }

  /** Forgets everything. */
  reset(): void {
    this.#buckets?.fill(0);
    this.#count = this.#sum = this.#max = 0;
    this.#min = Infinity;
  }
}
