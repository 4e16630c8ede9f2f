// The statistics of the automatic pause: published values, properties, and how often it is wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  differenceInterval,
  independent,
  type JudgementRules,
  judgeRelease,
  type NetworkDevices,
  normalQuantile,
} from '../../server/rollouts/judgement.ts';

const RULES: JudgementRules = { minDevices: 50, marginPoints: 1, confidence: 0.99, distrustedNetworks: 3 };

/** Devices that each have a network of their own. */
function apart(devices: number, crashed: number): NetworkDevices[] {
  return Array.from({ length: devices }, (_, index) => ({ devices: 1, crashed: index < crashed ? 1 : 0 }));
}

/** The same numbers each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const proportion = fc
  .tuple(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([trials, share]) => ({ hits: Math.round(trials * share), trials }));

describe('the interval of a difference', () => {
  // Newcombe 1998, table II, method 10, to the four digits printed there.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ])('of %i/%i − %i/%i is the published one', (hits, trials, otherHits, otherTrials, low, high) => {
    const interval = differenceInterval({ hits, trials }, { hits: otherHits, trials: otherTrials }, 0.95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it('holds the difference, stays within −1 and 1, and turns over with the sides', () => {
    fc.assert(
      fc.property(proportion, proportion, (first, second) => {
        const { low, high } = differenceInterval(first, second, 0.99);
        const difference = first.hits / first.trials - second.hits / second.trials;
        const turned = differenceInterval(second, first, 0.99);
        return (
          low >= -1 &&
          high <= 1 &&
          low <= difference + 1e-12 &&
          difference <= high + 1e-12 &&
          Math.abs(turned.low + high) < 1e-12 &&
          Math.abs(turned.high + low) < 1e-12
        );
      }),
    );
  });

  it('is wider for more confidence and narrower for more trials', () => {
    fc.assert(
      fc.property(proportion, proportion, (first, second) => {
        const wide = differenceInterval(first, second, 0.999);
        const narrow = differenceInterval(first, second, 0.9);
        const many = (one: typeof first) => ({ hits: one.hits * 4, trials: one.trials * 4 });
        const more = differenceInterval(many(first), many(second), 0.9);
        return wide.low <= narrow.low && wide.high >= narrow.high && more.low >= narrow.low - 1e-12;
      }),
    );
  });

  it('is everything without trials', () => {
    expect(differenceInterval({ hits: 0, trials: 0 }, { hits: 1, trials: 2 }, 0.99)).toEqual({ low: -1, high: 1 });
  });

  it('covers the true difference as often as it says', () => {
    const random = randomFrom(11);
    const draw = (trials: number, share: number) => {
      let hits = 0;
      for (let at = 0; at < trials; at += 1) if (random() < share) hits += 1;
      return { hits, trials };
    };
    let covered = 0;
    for (let run = 0; run < 4_000; run += 1) {
      const { low, high } = differenceInterval(draw(60, 0.97), draw(120, 0.9), 0.95);
      if (low <= 0.07 && 0.07 <= high) covered += 1;
    }
    expect(covered / 4_000).toBeGreaterThan(0.935);
    expect(covered / 4_000).toBeLessThan(0.975);
  });

  // Tables of the standard normal distribution.
  it.each([
    [0.5, 0],
    [0.975, 1.959964],
    [0.995, 2.575829],
    [0.9995, 3.290527],
    [0.01, -2.326348],
    [0.0001, -3.719016],
  ])('takes the quantile of %f', (share, quantile) => {
    expect(normalQuantile(share)).toBeCloseTo(quantile, 6);
  });
});

describe('the judgement of a release', () => {
  it('is WORSE where surely more than the margin of devices crash', () => {
    const judged = judgeRelease({ newer: apart(200, 40), before: apart(1_000, 30), beside: [] }, RULES);
    expect(judged).toMatchObject({
      verdict: 'WORSE',
      newer: { devices: 200, crashed: 40 },
      previous: { arm: 'BEFORE', devices: 1_000, crashed: 30 },
    });
    expect(judged.worseByAtLeast).toBeGreaterThan(5);
    expect(judged.worseByAtLeast).toBeLessThan(17);
  });

  it('is NO_WORSE where it could be chance, or is within the margin', () => {
    expect(judgeRelease({ newer: apart(50, 6), before: apart(1_000, 30), beside: [] }, RULES).verdict).toBe('NO_WORSE');
    const many = { newer: apart(40_000, 1_600), before: apart(40_000, 1_280), beside: [] };
    expect(judgeRelease(many, { ...RULES, distrustedNetworks: 0 })).toMatchObject({ verdict: 'NO_WORSE' });
    expect(judgeRelease(many, { ...RULES, distrustedNetworks: 0, marginPoints: 0 }).verdict).toBe('WORSE');
  });

  it('compares nothing below the least number of devices in either arm', () => {
    const few = { verdict: 'TOO_FEW_DEVICES', worseByAtLeast: null };
    expect(judgeRelease({ newer: apart(49, 49), before: apart(500, 0), beside: [] }, RULES)).toMatchObject(few);
    expect(judgeRelease({ newer: apart(500, 500), before: apart(49, 0), beside: apart(49, 0) }, RULES)).toMatchObject(
      few,
    );
    expect(judgeRelease({ newer: apart(500, 500), before: [], beside: [] }, RULES)).toEqual({
      verdict: 'NOTHING_TO_COMPARE',
      newer: { devices: 500, crashed: 500 },
      previous: null,
      worseByAtLeast: null,
    });
  });

  it('does not blame the new version for what hits the previous one as well', () => {
    const outage = { newer: apart(300, 150), before: apart(500, 5), beside: apart(500, 250) };
    expect(judgeRelease(outage, RULES)).toMatchObject({
      verdict: 'NO_WORSE',
      previous: { arm: 'BESIDE', crashed: 250 },
    });
    expect(judgeRelease({ ...outage, beside: apart(20, 10) }, RULES).verdict).toBe('WORSE');
  });

  it('does not follow as many networks as may be forged, however few devices there are', () => {
    const forged = [1, 2, 3].map(() => ({ devices: 5, crashed: 5 }));
    expect(judgeRelease({ newer: [...apart(50, 1), ...forged], before: apart(50, 0), beside: [] }, RULES).verdict).toBe(
      'NO_WORSE',
    );
    const trusting = { ...RULES, distrustedNetworks: 0 };
    expect(
      judgeRelease({ newer: [...apart(50, 1), ...forged], before: apart(50, 0), beside: [] }, trusting).verdict,
    ).toBe('WORSE');
  });

  // The limit that docs/ARCHITECTURE.md names (Automatic pause): it must not get easier unseen.
  it.each([
    [100, 0, 'WORSE'],
    [100, 1, 'NO_WORSE'],
    [300, 8, 'WORSE'],
    [300, 9, 'NO_WORSE'],
    [1_000, 42, 'WORSE'],
    [1_000, 43, 'NO_WORSE'],
  ])(
    'with %i honest devices left on the previous version and %i forged networks of five there is %s',
    (honest, forged, verdict) => {
      const crashing = Array.from({ length: forged }, () => ({ devices: 5, crashed: 5 }));
      const beside = [...apart(honest, honest / 50), ...crashing];
      expect(judgeRelease({ newer: apart(300, 90), before: apart(1_000, 20), beside }, RULES).verdict).toBe(verdict);
    },
  );

  it('never gets better by more crashes', () => {
    const arm = fc.tuple(fc.integer({ min: 50, max: 400 }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(arm, arm, fc.integer({ min: 1, max: 50 }), ([newer, share], [older, olderShare], more) => {
        const crashed = Math.floor(newer * share);
        const before = apart(older, Math.floor(older * olderShare));
        const by = (crashes: number) =>
          judgeRelease({ newer: apart(newer, crashes), before, beside: [] }, RULES).worseByAtLeast ?? 0;
        return by(Math.min(newer, crashed + more)) >= by(crashed) - 1e-9;
      }),
    );
  });

  // Looked at again and again while devices arrive, as the guard does: one false alarm in a hundred releases at most.
  it.each([0.005, 0.02, 0.1, 0.2])(
    'pauses at most one in a hundred releases that crash as often as before, at a share of %d',
    (share) => {
      const random = randomFrom(Math.round(share * 1_000));
      const alone = { random, networkSize: 1, together: 0 };
      expect(alarmsIn(500, { ...alone, previousShare: share, share })).toBeLessThanOrEqual(5);
    },
  );

  it.each([0.1, 0.2])('does so too where devices of one network crash together, at a share of %d', (share) => {
    const random = randomFrom(Math.round(share * 100));
    const clustered = { random, networkSize: 5, together: 0.6 };
    expect(alarmsIn(500, { ...clustered, previousShare: share, share })).toBeLessThanOrEqual(5);
  });

  it('finds a version that crashes on five times as many devices nearly always', () => {
    const alone = { random: randomFrom(5), networkSize: 1, together: 0 };
    expect(alarmsIn(200, { ...alone, previousShare: 0.02, share: 0.1 })).toBeGreaterThan(195);
  });
});

describe('devices of networks', () => {
  it('are worth as many as they are where each has its own', () => {
    const { trials, hits } = independent(apart(400, 40));
    expect(trials).toBeGreaterThan(398);
    expect(trials).toBeLessThanOrEqual(400);
    expect(hits / trials).toBeCloseTo(0.9, 10);
  });

  it('are worth as many as there are networks where all of one do the same', () => {
    const networks = Array.from({ length: 100 }, (_, index) => ({ devices: 5, crashed: index < 20 ? 5 : 0 }));
    const { trials, hits } = independent(networks);
    expect(trials).toBeCloseTo(99, 0);
    expect(hits / trials).toBeCloseTo(0.8, 10);
  });

  it('are worth one device where they are all of one network, and nothing is lost where none or all crash', () => {
    expect(independent([{ devices: 500, crashed: 100 }]).trials).toBeCloseTo(1, 10);
    expect(independent([{ devices: 500, crashed: 0 }])).toEqual({ hits: 500, trials: 500 });
    expect(independent(apart(50, 50))).toEqual({ hits: 0, trials: 50 });
    expect(independent([])).toEqual({ hits: 0, trials: 0 });
  });

  it('are never worth more than they are', () => {
    const network = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .map(([devices, crashed]) => ({ devices, crashed: Math.min(devices, crashed) }));
    fc.assert(
      fc.property(fc.array(network, { maxLength: 60 }), (networks) => {
        const devices = networks.reduce((sum, one) => sum + one.devices, 0);
        const { hits, trials } = independent(networks);
        return trials <= devices && hits >= 0 && hits <= trials && (devices === 0 || trials > 0);
      }),
    );
  });
});

interface Release {
  readonly random: () => number;
  readonly previousShare: number;
  readonly share: number;
  readonly networkSize: number;
  /** How often a device does as its network does. */
  readonly together: number;
}

function networkOf({ random, networkSize, together }: Release, share: number): NetworkDevices {
  const all = random() < share;
  let crashed = 0;
  for (let at = 0; at < networkSize; at += 1) if (random() < together ? all : random() < share) crashed += 1;
  return { devices: networkSize, crashed };
}

function alarmsIn(runs: number, release: Release): number {
  let alarms = 0;
  for (let run = 0; run < runs; run += 1) if (raisesAlarm(release)) alarms += 1;
  return alarms;
}

/** A release of up to 1,500 devices, looked at whenever it grew by 10 %, against 1,500 of the previous version. */
function raisesAlarm(release: Release): boolean {
  const size = release.networkSize;
  const before = Array.from({ length: 1_500 / size }, () => networkOf(release, release.previousShare));
  const newer: NetworkDevices[] = [];
  for (let look = 50; newer.length * size < 1_500; look = Math.floor(look * 1.1)) {
    while (newer.length * size < Math.min(look, 1_500)) newer.push(networkOf(release, release.share));
    if (judgeRelease({ newer, before, beside: [] }, RULES).verdict === 'WORSE') return true;
  }
  return false;
}
