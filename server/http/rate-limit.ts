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

/** Makes a rate limit; memory is at most `maxBuckets` small entries. */
export function createRateLimit(clock: Clock, options: RateLimitOptions): RateLimit {
  const { capacity, refillPerSecond, maxBuckets = DEFAULT_MAX_BUCKETS } = options;
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    take(key, cost = 1) {
      const nowMs = clock.now().getTime();
      const known = buckets.get(key);
      const elapsedSeconds = known === undefined ? 0 : Math.max(0, nowMs - known.atMs) / 1000;
      const tokens =
        known === undefined ? capacity : Math.min(capacity, known.tokens + elapsedSeconds * refillPerSecond);
      buckets.delete(key);
      const enough = tokens >= cost;
      buckets.set(key, { tokens: enough ? tokens - cost : tokens, atMs: nowMs });
      if (buckets.size > maxBuckets) {
        const oldest = buckets.keys().next();
        if (oldest.done !== true) buckets.delete(oldest.value);
      }
      return enough ? 0 : (cost - tokens) / refillPerSecond;
    },
  };
}
