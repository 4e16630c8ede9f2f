/** Owns how often a secret may be guessed: by account, by address, and by both together. It knows no account and no secret. */
import { DomainError } from '../errors.ts';
import { addressKey as clientKey } from '../platform/address.ts';
import type { Clock } from '../platform/clock.ts';

/** What is being tried. Everything that proves the same secret shares one kind. */
export const ATTEMPT_KINDS = ['PASSWORD', 'DEVICE_CODE', 'SETUP_TOKEN', 'SIGN_UP', 'DEVICE_START'] as const;
export type AttemptKind = (typeof ATTEMPT_KINDS)[number];

/** `limit` attempts in `windowMs`, then a block that doubles with each further one up to `maxBlockMs`. */
export interface AttemptBound {
  readonly limit: number;
  readonly windowMs: number;
  readonly blockMs: number;
  readonly maxBlockMs: number;
}

/** The bounds of one kind; a missing one does not count. */
export interface AttemptPolicy {
  readonly pair?: AttemptBound;
  readonly account?: AttemptBound;
  readonly address?: AttemptBound;
  /** Whether `account` passes over addresses where the account's owner got in before, so that nobody else can lock the owner out. */
  readonly knownAddressesPass?: boolean;
}

const MINUTE_MS = 60_000;

export const ATTEMPT_POLICIES: Readonly<Record<AttemptKind, AttemptPolicy>> = {
  PASSWORD: {
    pair: { limit: 10, windowMs: 15 * MINUTE_MS, blockMs: 15 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
    knownAddressesPass: true,
    // Short: it also meets an owner who signs in from a new place while others guess.
    account: { limit: 30, windowMs: 15 * MINUTE_MS, blockMs: MINUTE_MS, maxBlockMs: 10 * MINUTE_MS },
    address: { limit: 100, windowMs: 15 * MINUTE_MS, blockMs: 15 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
  },
  // The account here is the signed-in one that types the code.
  DEVICE_CODE: {
    account: { limit: 5, windowMs: 10 * MINUTE_MS, blockMs: 10 * MINUTE_MS, maxBlockMs: 10 * MINUTE_MS },
    address: { limit: 50, windowMs: 10 * MINUTE_MS, blockMs: 10 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
  },
  SETUP_TOKEN: {
    address: { limit: 10, windowMs: 15 * MINUTE_MS, blockMs: 15 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
  },
  // Successes count here too: each makes an account.
  SIGN_UP: {
    address: { limit: 60, windowMs: 60 * MINUTE_MS, blockMs: 15 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
  },
  DEVICE_START: {
    address: { limit: 30, windowMs: 10 * MINUTE_MS, blockMs: 5 * MINUTE_MS, maxBlockMs: 60 * MINUTE_MS },
  },
};

/** One attempt that has been counted as wrong until it says otherwise. */
export interface Attempt {
  /** The secret was right: it no longer counts, the pair starts afresh, and the address is known for this account. */
  succeeded(): void;
}

export interface LoginLimit {
  /**
   * Counts an attempt before it is made, so that aliases and parallel requests count one each. Throws RATE_LIMITED
   * with `retryAfterSeconds`; a refused attempt counts for nothing. `account` is null where there is none.
   */
  begin(attempt: {
    readonly kind: AttemptKind;
    readonly account: string | null;
    readonly address: string | null;
  }): Attempt;
}

interface Tally {
  count: number;
  windowEndsMs: number;
  blockedUntilMs: number;
  /** Blocks so far without a quiet time between them. */
  strikes: number;
}

const DEFAULT_MAX_ENTRIES = 20_000;

/** Makes the limiter. Memory is at most `maxEntries` small entries for each of pair, account, address and known address. */
export function createLoginLimit(options: {
  readonly clock: Clock;
  readonly maxEntries?: number;
  readonly policies?: Readonly<Record<AttemptKind, AttemptPolicy>>;
}): LoginLimit {
  const { clock, maxEntries = DEFAULT_MAX_ENTRIES, policies = ATTEMPT_POLICIES } = options;
  const tallies = {
    pair: new Map<string, Tally>(),
    account: new Map<string, Tally>(),
    address: new Map<string, Tally>(),
  };
  const knownAddresses = new Map<string, true>();

  return {
    begin({ kind, account, address }) {
      const policy = policies[kind];
      const nowMs = clock.ms();
      const client = address === null ? 'unknown' : clientKey(address);
      const addressKey = `${kind} ${client}`;
      const accountKey = account === null ? null : `${kind} ${account}`;
      const pairKey = accountKey === null ? null : `${accountKey} ${client}`;
      const passes = policy.knownAddressesPass === true && pairKey !== null && knownAddresses.has(pairKey);
      const counted: { scope: keyof typeof tallies; key: string; bound: AttemptBound }[] = [];
      if (policy.address) counted.push({ scope: 'address', key: addressKey, bound: policy.address });
      if (policy.account && accountKey !== null && !passes) {
        counted.push({ scope: 'account', key: accountKey, bound: policy.account });
      }
      if (policy.pair && pairKey !== null) counted.push({ scope: 'pair', key: pairKey, bound: policy.pair });

      const waitMs = Math.max(
        0,
        ...counted.map(({ scope, key }) => (tallies[scope].get(key)?.blockedUntilMs ?? 0) - nowMs),
      );
      if (waitMs > 0) throw rateLimited(waitMs);
      for (const { scope, key, bound } of counted) {
        remember(tallies[scope], key, count(tallies[scope].get(key), bound, nowMs), maxEntries);
      }
      return {
        succeeded() {
          for (const { scope, key, bound } of counted) {
            if (scope === 'pair') tallies.pair.delete(key);
            else uncount(tallies[scope].get(key), bound);
          }
          if (policy.knownAddressesPass === true && pairKey !== null)
            remember(knownAddresses, pairKey, true, maxEntries);
        },
      };
    },
  };
}

function count(before: Tally | undefined, bound: AttemptBound, nowMs: number): Tally {
  const tally = before ?? { count: 0, windowEndsMs: 0, blockedUntilMs: 0, strikes: 0 };
  if (nowMs >= tally.windowEndsMs || tally.count >= bound.limit) {
    tally.count = 0;
    tally.windowEndsMs = nowMs + bound.windowMs;
  }
  if (nowMs - tally.blockedUntilMs > 2 * bound.maxBlockMs) tally.strikes = 0;
  tally.count += 1;
  if (tally.count >= bound.limit) {
    // This attempt is the last one allowed: the block begins behind it.
    tally.blockedUntilMs = nowMs + Math.min(bound.maxBlockMs, bound.blockMs * 2 ** tally.strikes);
    tally.strikes += 1;
  }
  return tally;
}

/** Takes back one right attempt, and the block with it where that attempt was the one that began it. */
function uncount(tally: Tally | undefined, bound: AttemptBound): void {
  if (tally === undefined || tally.count === 0) return;
  if (tally.count >= bound.limit) {
    tally.blockedUntilMs = 0;
    tally.strikes -= 1;
  }
  tally.count -= 1;
}

/** Puts the entry last, and forgets the longest untouched one when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T, maxEntries: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxEntries) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}

function rateLimited(waitMs: number): DomainError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return new DomainError('RATE_LIMITED', `Too many attempts. Wait ${retryAfterSeconds} seconds, then try again.`, {
    retryAfterSeconds,
  });
}
