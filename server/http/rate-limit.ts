/** Owns token buckets in bounded memory. It counts; what a full bucket means is the caller's business. */
import type { Clock } from '../platform/clock.ts';

export interface RateLimitOptions {
  /** Tokens a full bucket holds: the burst. */
  readonly capacity: number;
  /** Tokens that come back each second. */
  readonly refillPerSecond: number;
  /** Buckets kept; past it the longest untouched one is forgotten. */
  readonly maxBuckets?: number;
}

export interface RateLimit {
  /** Takes `cost` tokens of `key`; answers 0, or the seconds to wait where they are not there (nothing is taken then). */
  take(key: string, cost?: number): number;
}

const DEFAULT_MAX_BUCKETS = 50_000;
/** A bucket keeps its place in the line of those to be forgotten for so long. */
const PLACE_MS = 1_000;

interface Bucket {
  tokens: number;
  atMs: number;
  placedMs: number;
}

/** Makes a rate limit; memory is at most `maxBuckets` small entries. */
export function createRateLimit(clock: Clock, options: RateLimitOptions): RateLimit {
  const { capacity, refillPerSecond, maxBuckets = DEFAULT_MAX_BUCKETS } = options;
  /** The longest untouched one first, to `PLACE_MS`. */
  const buckets = new Map<string, Bucket>();

  function bucketOf(key: string, nowMs: number): Bucket {
    const known = buckets.get(key);
    // A place of its own for each touch would cost more than the rest.
    if (known !== undefined && nowMs - known.placedMs < PLACE_MS) return known;
    const bucket = known ?? { tokens: capacity, atMs: nowMs, placedMs: nowMs };
    bucket.placedMs = nowMs;
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > maxBuckets) {
      const oldest = buckets.keys().next();
      if (oldest.done !== true) buckets.delete(oldest.value);
    }
    return bucket;
  }

  return {
    take(key, cost = 1) {
      const nowMs = clock.ms();
      const bucket = bucketOf(key, nowMs);
      const elapsedSeconds = Math.max(0, nowMs - bucket.atMs) / 1000;
      const tokens = Math.min(capacity, bucket.tokens + elapsedSeconds * refillPerSecond);
      const enough = tokens >= cost;
      bucket.tokens = enough ? tokens - cost : tokens;
      bucket.atMs = nowMs;
      return enough ? 0 : (cost - tokens) / refillPerSecond;
    },
  };
}
