/** Owns the numbers that bound telemetry: sizes, times, caps. It decides nothing. */

const DAY_MS = 86_400_000;

export const TELEMETRY_LIMITS = Object.freeze({
  /** A body as it travels, before gzip or zstd is undone. */
  maxEncodedBytes: 256 * 1024,
  /** The same body unpacked; a bomb stops here. */
  maxDecodedBytes: 2 * 1024 * 1024,
  /** Any body may take so long … */
  bodyTimeoutMs: 10_000,
  /** … and longer while it has brought so many bytes for each second past that: 272 s for the largest, within those a request may take. */
  minBytesPerSecond: 1_000,
  /** … without a pause as long as this … */
  bodyIdleMs: 30_000,
  /** … and while no more than so many take longer at once, in all and from one address: 64 MiB at most. */
  maxSlowBodies: 256,
  maxSlowBodiesPerAddress: 32,
  maxEventsPerBatch: 500,
  /** Explanations stored with one first answer; every rejection keeps its reason. */
  maxRejectionDetails: 20,
  /** Event times count from so long ago (docs/ARCHITECTURE.md, Data) … */
  maxEventAgeMs: 90 * DAY_MS,
  /** … to so far ahead of the server's clock. */
  maxEventAheadMs: 5 * 60_000,
  /** Batches waiting for the writer; past either bound a batch is refused with OVERLOADED. */
  maxQueuedBatches: 2_000,
  maxQueuedEvents: 200_000,
  /** Events that one transaction takes at most (a single batch always fits). */
  maxEventsPerCommit: 5_000,
  /** How often aggregates reach their file, so how old a dashboard's figures may be. */
  flushIntervalMs: 1_000,
  /** Aggregate rows changed in memory before a flush happens early. */
  maxPendingAggregates: 20_000,
  /** Versions one app may name; telemetry can be forged, so the rest is counted as `other`. */
  maxVersionsPerApp: 500,
  /** Failed updates that are told apart by version and reason, of one app and day; the rest is counted together. */
  maxFailuresPerAppAndDay: 100,
  /** Crash groups of one app; the rest is counted in one group of its own. */
  maxCrashGroupsPerApp: 2_000,
  /** Days a query may span. */
  maxRangeDays: 400,
  /** Days raw rows are kept unless an admin chooses more; whole months go, so never longer than 122. */
  rawRetentionDays: 90,
  /** Hours the result of a device's request can be fetched. */
  exportHours: 24,
});

export { DAY_MS };

/** The name versions past `maxVersionsPerApp` are counted under, and slices too small to show. */
export const OTHER = 'other';
