/** Owns how long signed metadata holds, when it is signed anew, and its version numbers (docs/DEVICE_PROTOCOL.md §4). Pure. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const SPEC_VERSION = '1.0.31';

/** How long each kind holds from its signing, and how long before its end it is signed anew. */
export const LIFETIMES = {
  root: { holdsMs: 365 * DAY_MS, renewBeforeMs: 60 * DAY_MS },
  targets: { holdsMs: 90 * DAY_MS, renewBeforeMs: 30 * DAY_MS },
  bin: { holdsMs: 90 * DAY_MS, renewBeforeMs: 30 * DAY_MS },
  snapshot: { holdsMs: 7 * DAY_MS, renewBeforeMs: 2 * DAY_MS },
  timestamp: { holdsMs: DAY_MS, renewBeforeMs: 18 * HOUR_MS },
} as const;
export type MetadataKindName = keyof typeof LIFETIMES;

/** How long a file stays to be had after a newer one took its place: a client may be between the two. */
export const KEEP_SUPERSEDED_MS = DAY_MS;
/** The least that a superseded file stays, however much is published: longer than any client takes from timestamp to bin. */
export const KEEP_MANY_MS = 10 * 60_000;

/** The end of what is signed at `now`, whole seconds as the specification writes them. */
export function expiryOf(kind: MetadataKindName, now: Date): string {
  return new Date(now.getTime() + LIFETIMES[kind].holdsMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Whether what ends at `expires` must be signed anew. */
export function isDue(kind: MetadataKindName, expires: Date, now: Date): boolean {
  return expires.getTime() - now.getTime() <= LIFETIMES[kind].renewBeforeMs;
}

/**
 * The number of the next file of a role: above the last one and never behind the clock, so that a server restored from a
 * backup is not behind its devices. Root is numbered 1, 2, 3 … instead.
 */
export function nextVersion(previous: number, now: Date): number {
  return Math.max(previous + 1, Math.floor(now.getTime() / 1000));
}
