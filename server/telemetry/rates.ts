/**
 * Owns how fast telemetry may come in. Limits by address, site and device act before the one by app, so that no single household
 * or company can silence an app.
 */
import { createRateLimit } from '../http/rate-limit.ts';
import type { Clock } from '../platform/clock.ts';

/** Takes tokens; answers 0 or the seconds to wait. The shape of server/http/rate-limit.ts, so that a service need not know it. */
export interface Throttle {
  take(key: string, cost?: number): number;
}

export interface TelemetryThrottles {
  /** Batches and crash reports, by client address (a whole IPv6 /64): 600 at once, 20 a second. */
  readonly address: Throttle;
  /** The same by site (a whole IPv6 /48: a household's /56 is 256 addresses): 6,000 at once, 200 a second. */
  readonly site: Throttle;
  /** The same by app and device: 60 at once, one every two seconds. */
  readonly device: Throttle;
  /** The same by app: 20,000 at once, 5,000 a second. */
  readonly app: Throttle;
  /** Device requests by address: 20 at once, 20 an hour. */
  readonly requestAddress: Throttle;
  /** Device requests by app and device: 4 at once, 4 an hour. */
  readonly requestDevice: Throttle;
}

const HOUR_SECONDS = 3_600;

/** The limits of a running server, in bounded memory. */
export function telemetryThrottles(clock: Clock): TelemetryThrottles {
  return {
    address: createRateLimit(clock, { capacity: 600, refillPerSecond: 20 }),
    site: createRateLimit(clock, { capacity: 6_000, refillPerSecond: 200 }),
    device: createRateLimit(clock, { capacity: 60, refillPerSecond: 0.5, maxBuckets: 200_000 }),
    app: createRateLimit(clock, { capacity: 20_000, refillPerSecond: 5_000 }),
    requestAddress: createRateLimit(clock, { capacity: 20, refillPerSecond: 20 / HOUR_SECONDS }),
    requestDevice: createRateLimit(clock, { capacity: 4, refillPerSecond: 4 / HOUR_SECONDS }),
  };
}
