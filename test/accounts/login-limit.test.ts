/** How often a secret may be tried, by whom, and for how long the door stays shut. */
import { describe, expect, it } from 'vitest';
import { createLoginLimit, type LoginLimit } from '../../server/accounts/login-limit.ts';
import { DomainError } from '../../server/errors.ts';
import { createTestClock } from '../support/clock.ts';

const MINUTE_MS = 60_000;

function tryPassword(limit: LoginLimit, account: string, address: string, right = false): number {
  try {
    const attempt = limit.begin({ kind: 'PASSWORD', account, address });
    if (right) attempt.succeeded();
    return 0;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'RATE_LIMITED') return error.details.retryAfterSeconds ?? -1;
    throw error;
  }
}

describe('the limit on guessing', () => {
  it('shuts after ten wrong tries of one account from one address, and says for how long', () => {
    const clock = createTestClock();
    const limit = createLoginLimit({ clock });
    for (let i = 0; i < 10; i += 1) expect(tryPassword(limit, 'ada', '192.0.2.1')).toBe(0);
    expect(tryPassword(limit, 'ada', '192.0.2.1', true)).toBe(15 * 60);
    expect(tryPassword(limit, 'bob', '192.0.2.1')).toBe(0);
    clock.advance(15 * MINUTE_MS);
    expect(tryPassword(limit, 'ada', '192.0.2.1')).toBe(0);
  });

  it('doubles the wait when guessing goes on, and forgets after a quiet time', () => {
    const clock = createTestClock();
    const limit = createLoginLimit({ clock });
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 10; i += 1) tryPassword(limit, 'ada', '192.0.2.1');
      const wait = tryPassword(limit, 'ada', '192.0.2.1');
      waits.push(wait / 60);
      clock.advance(wait * 1000);
    }
    expect(waits).toEqual([15, 30, 60, 60]);
    clock.advance(3 * 60 * MINUTE_MS);
    for (let i = 0; i < 10; i += 1) tryPassword(limit, 'ada', '192.0.2.1');
    expect(tryPassword(limit, 'ada', '192.0.2.1')).toBe(15 * 60);
  });

  it('starts the pair afresh after a right try', () => {
    const limit = createLoginLimit({ clock: createTestClock() });
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 9; i += 1) expect(tryPassword(limit, 'ada', '192.0.2.1')).toBe(0);
      expect(tryPassword(limit, 'ada', '192.0.2.1', true)).toBe(0);
    }
  });

  it('counts tries that run at the same time before any of them is answered', () => {
    const limit = createLoginLimit({ clock: createTestClock() });
    const begun = Array.from({ length: 50 }, () => tryPassword(limit, 'ada', '192.0.2.1'));
    expect(begun.filter((wait) => wait === 0)).toHaveLength(10);
  });

  it('opens again when the try that shut it proves right', () => {
    const limit = createLoginLimit({ clock: createTestClock() });
    for (let i = 0; i < 9; i += 1) tryPassword(limit, 'ada', '192.0.2.1');
    expect(tryPassword(limit, 'ada', '192.0.2.1', true)).toBe(0);
    expect(tryPassword(limit, 'ada', '192.0.2.1', true)).toBe(0);
  });

  it('bounds guesses at one account from many addresses, for minutes and not for hours', () => {
    const clock = createTestClock();
    const limit = createLoginLimit({ clock });
    let taken = 0;
    for (let i = 0; i < 200; i += 1) if (tryPassword(limit, 'ada', `192.0.2.${i}`) === 0) taken += 1;
    expect(taken).toBe(30);
    let longest = 0;
    for (let minute = 0; minute < 240; minute += 1) {
      for (let i = 0; i < 40; i += 1) {
        const wait = tryPassword(limit, 'ada', `198.51.${minute}.${i}`);
        longest = Math.max(longest, wait);
      }
      clock.advance(MINUTE_MS);
    }
    expect(longest).toBeLessThanOrEqual(10 * 60);
  });

  it('never shuts out the owner at an address where they got in before', () => {
    const limit = createLoginLimit({ clock: createTestClock() });
    expect(tryPassword(limit, 'ada', '203.0.113.7', true)).toBe(0);
    for (let i = 0; i < 200; i += 1) tryPassword(limit, 'ada', `192.0.2.${i}`);
    expect(tryPassword(limit, 'ada', '198.51.100.1')).toBeGreaterThan(0);
    expect(tryPassword(limit, 'ada', '203.0.113.7', true)).toBe(0);
  });

  it('bounds guesses at many accounts from one address, and from one IPv6 network', () => {
    const limit = createLoginLimit({ clock: createTestClock() });
    let taken = 0;
    for (let i = 0; i < 150; i += 1)
      if (tryPassword(limit, `account ${i}`, `2001:db8::${i.toString(16)}`) === 0) taken += 1;
    expect(taken).toBe(100);
    expect(tryPassword(limit, 'another', '2001:db8:0:1::1')).toBe(0);
  });

  it('keeps its memory bounded, and one kind apart from another', () => {
    const clock = createTestClock();
    const limit = createLoginLimit({ clock, maxEntries: 5 });
    for (let i = 0; i < 10; i += 1) tryPassword(limit, 'ada', '192.0.2.1');
    expect(tryPassword(limit, 'ada', '192.0.2.1')).toBeGreaterThan(0);
    expect(() => limit.begin({ kind: 'DEVICE_CODE', account: 'ada', address: '192.0.2.1' })).not.toThrow();
    for (let i = 0; i < 5; i += 1) tryPassword(limit, `other ${i}`, `192.0.2.${i + 10}`);
    expect(tryPassword(limit, 'ada', '192.0.2.1')).toBe(0);
  });
});

describe('what counts as one address', () => {
  it.each([
    ['192.0.2.1', '::FFFF:c000:201'],
    ['2001:db8:1:2:3:4:5:6', '2001:DB8:1:2::%eth0'],
  ])('%s and %s do', (first, second) => {
    const limit = createLoginLimit({ clock: createTestClock() });
    for (let i = 0; i < 10; i += 1) tryPassword(limit, 'ada', first);
    expect(tryPassword(limit, 'ada', second)).toBeGreaterThan(0);
    expect(tryPassword(limit, 'ada', '2001:db8:1:3::1')).toBe(0);
  });
});
