/**
 * Owns digests of measured values: percentiles within 1 % of the true value, mergeable without loss, bounded in size. Pure.
 * DDSketch (Masson, Rim, Lee 2019): values are counted in buckets whose borders grow by a constant factor.
 */

/** How far a percentile may be from the value at its rank, as a share of that value. */
export const RELATIVE_ERROR = 0.01;
/** Values below are told apart by nothing and count as 0. */
export const MIN_VALUE = 0.001;

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Reaches past 10^14; nothing that is accepted comes near it. So a digest has at most so many buckets. */
const MAX_BUCKET = 2_000;
const FORMAT = 1;

/** The bucket of a value from 0 on: 0 below MIN_VALUE, then one for each factor of about 1.02. */
export function bucketOf(value: number): number {
  if (!(value >= MIN_VALUE)) return 0;
  return Math.min(MAX_BUCKET, 1 + Math.ceil(Math.log(value / MIN_VALUE) / LOG_GAMMA));
}

/** The value that is at most RELATIVE_ERROR away from everything in the bucket. */
function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : (2 * MIN_VALUE * GAMMA ** (bucket - 1)) / (1 + GAMMA);
}

/** Values that can be added, merged and asked for percentiles, but not listed. */
export class Digest {
  /** Count by bucket while values come one by one; null for a digest that was read, of which there are many at a time. */
  #sparse: Map<number, number> | null = new Map();
  /** The same as an array: merging into it takes a tenth of the time, and 16 KB. */
  #dense: Float64Array = EMPTY;
  /** A stored form that nobody has needed to look into yet. */
  #stored: Uint8Array | null = null;

  /** Adds `count` values of one bucket. */
  add(bucket: number, count = 1): void {
    this.#open();
    if (this.#sparse === null) this.#dense[bucket] = (this.#dense[bucket] ?? 0) + count;
    else this.#sparse.set(bucket, (this.#sparse.get(bucket) ?? 0) + count);
  }

  /** Makes this the digest of both; the same as if all values had been added to one. */
  merge(other: Digest): void {
    this.#open();
    if (other.#stored !== null) {
      readInto(this.#densified(), other.#stored);
      return;
    }
    for (const [bucket, count] of other.#sorted()) this.add(bucket, count);
  }

  count(): number {
    return this.#sorted().reduce((sum, [, count]) => sum + count, 0);
  }

  /** For each share (0 to 1): the value at rank ⌊share × (count − 1)⌋, ± RELATIVE_ERROR; null for all without values. */
  quantiles(shares: readonly number[]): (number | null)[] {
    const sorted = this.#sorted();
    const total = sorted.reduce((sum, [, count]) => sum + count, 0);
    if (total === 0) return shares.map(() => null);
    return shares.map((share) => {
      const rank = Math.floor(share * (total - 1));
      let below = 0;
      for (const [bucket, count] of sorted) {
        below += count;
        if (below > rank) return middleOf(bucket);
      }
      return null;
    });
  }

  /** The stored form: a format byte, then for each bucket its distance from the last one and its count, as varints. */
  toBytes(): Uint8Array {
    const bytes: number[] = [FORMAT];
    let last = 0;
    for (const [bucket, count] of this.#sorted()) {
      pushVarint(bytes, bucket - last);
      pushVarint(bytes, count);
      last = bucket;
    }
    return Uint8Array.from(bytes);
  }

  /** Reads the stored form, the rest of it when it is needed. Throws for bytes that are none; so may the first use. */
  static fromBytes(bytes: Uint8Array): Digest {
    if (bytes[0] !== FORMAT) throw new Error('Not a digest of values');
    const digest = new Digest();
    digest.#stored = bytes;
    return digest;
  }

  #open(): void {
    if (this.#stored === null) return;
    const stored = this.#stored;
    this.#stored = null;
    readInto(this.#densified(), stored);
  }

  #densified(): Float64Array {
    if (this.#sparse === null) return this.#dense;
    this.#dense = new Float64Array(MAX_BUCKET + 1);
    for (const [bucket, count] of this.#sparse) this.#dense[bucket] = count;
    this.#sparse = null;
    return this.#dense;
  }

  /** Buckets that have values, and how many, in order. */
  #sorted(): [number, number][] {
    this.#open();
    if (this.#sparse !== null) return [...this.#sparse].sort(([a], [b]) => a - b);
    const found: [number, number][] = [];
    for (let bucket = 0; bucket < this.#dense.length; bucket += 1) {
      const count = this.#dense[bucket] ?? 0;
      if (count > 0) found.push([bucket, count]);
    }
    return found;
  }
}

const EMPTY = new Float64Array(0);

/** Adds the counts of a stored form. Throws for bytes that are none. */
function readInto(counts: Float64Array, bytes: Uint8Array): void {
  let at = 1;
  const next = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined || scale > 2 ** 49) throw new Error('Not a digest of values');
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  let bucket = 0;
  while (at < bytes.length) {
    bucket += next();
    if (bucket > MAX_BUCKET) throw new Error('Not a digest of values');
    counts[bucket] = (counts[bucket] ?? 0) + next();
  }
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}
