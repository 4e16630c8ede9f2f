/**
 * Owns whether a new version is worse than the one before it, from counts of devices: pure statistics. It reads nothing and
 * pauses nothing.
 */
import type { RolloutVerdict } from './guard-json.ts';

/** Which of the two arms of the previous version was compared. */
export const COMPARED_ARMS = ['BEFORE', 'BESIDE'] as const;
export type ComparedArm = (typeof COMPARED_ARMS)[number];

/** Devices of one address prefix. */
export interface NetworkDevices {
  readonly devices: number;
  /** Those of them that crashed at least once. */
  readonly crashed: number;
}

/** What is compared: each arm as the devices of its networks. */
export interface ReleaseArms {
  /** The new version since its release. */
  readonly newer: readonly NetworkDevices[];
  /** The previous version, for as long before the release as has passed since. */
  readonly before: readonly NetworkDevices[];
  /** The previous version since the release, beside the new one. */
  readonly beside: readonly NetworkDevices[];
}

export interface JudgementRules {
  /** Devices that each of the two compared arms needs. */
  readonly minDevices: number;
  /** Percentage points that the new version may lose for sure before it counts as worse. */
  readonly marginPoints: number;
  /** Of the two-sided interval: 0.99. */
  readonly confidence: number;
  /** So many networks may be forged: the crashes of those that tell most against the new version are left out. */
  readonly distrustedNetworks: number;
}

/** Counted devices; `crashed` of `devices`. */
export interface DeviceCount {
  readonly devices: number;
  readonly crashed: number;
}

export interface Judgement {
  readonly verdict: RolloutVerdict;
  readonly newer: DeviceCount;
  /** The arm of the previous version that was compared, else the larger one; null where neither has a device. */
  readonly previous: (DeviceCount & { readonly arm: ComparedArm }) | null;
  /** Lower bound of how many percentage points fewer devices are free of crashes; null where nothing was compared. */
  readonly worseByAtLeast: number | null;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Compares the new version with the previous one where that did worst: what hits both, such as a service that is down, is
 * not the new version's fault. An arm with too few devices is not compared.
 */
export function judgeRelease(arms: ReleaseArms, rules: JudgementRules): Judgement {
  const newer = countOf(arms.newer);
  const before = { arm: 'BEFORE' as const, ...countOf(arms.before) };
  const beside = { arm: 'BESIDE' as const, ...countOf(arms.beside) };
  const controls = [
    { ...before, networks: arms.before },
    { ...beside, networks: arms.beside },
  ];
  const largest = beside.devices > before.devices ? beside : before;
  const enough = controls.filter(({ devices }) => devices >= rules.minDevices);
  if (newer.devices < rules.minDevices || enough.length === 0) {
    const nothing = largest.devices === 0 && newer.devices >= rules.minDevices;
    return {
      verdict: nothing ? 'NOTHING_TO_COMPARE' : 'TOO_FEW_DEVICES',
      newer,
      previous: largest.devices === 0 ? null : largest,
      worseByAtLeast: null,
    };
  }
  const trusted = independent(withoutWorst(arms.newer, rules.distrustedNetworks));
  const compared = enough
    .map(({ networks, ...previous }) => ({
      previous,
      by: 100 * differenceInterval(independent(networks), trusted, rules.confidence).low,
    }))
    .reduce((least, one) => (one.by < least.by ? one : least));
  const { previous, by: worseByAtLeast } = compared;
  return { verdict: worseByAtLeast > rules.marginPoints ? 'WORSE' : 'NO_WORSE', newer, previous, worseByAtLeast };
}

/** The networks without the crashed devices of those that have most of them. */
function withoutWorst(networks: readonly NetworkDevices[], leftOut: number): NetworkDevices[] {
  const worst = new Set(
    networks
      .filter(({ crashed }) => crashed > 0)
      .toSorted((a, b) => b.crashed - a.crashed)
      .slice(0, leftOut),
  );
  return networks.map((network) =>
    worst.has(network) ? { devices: network.devices - network.crashed, crashed: 0 } : network,
  );
}

/**
 * Devices without a crash, as so many independent ones as they are worth. Those of one network may crash together: the count
 * is divided by how much more the networks differ than by chance (J. N. K. Rao and A. J. Scott, "A simple method for the
 * analysis of clustered binary data", Biometrics 48, 1992). One network alone is worth one device.
 */
export function independent(networks: readonly NetworkDevices[]): Proportion {
  const { devices, crashed } = countOf(networks);
  const share = devices === 0 ? 0 : crashed / devices;
  const byChance = share * (1 - share) * devices;
  if (byChance === 0) return { hits: devices - crashed, trials: devices };
  const squares = networks.reduce((sum, one) => sum + (one.crashed - share * one.devices) ** 2, 0);
  const count = networks.length;
  const found = count < 2 ? byChance * devices : (squares * count) / (count - 1);
  const trials = devices / Math.max(1, found / byChance);
  return { hits: trials * (1 - share), trials };
}

function countOf(networks: readonly NetworkDevices[]): DeviceCount {
  return networks.reduce(
    (sum, { devices, crashed }) => ({ devices: sum.devices + devices, crashed: sum.crashed + crashed }),
    { devices: 0, crashed: 0 },
  );
}

export interface Proportion {
  readonly hits: number;
  readonly trials: number;
}

/**
 * The interval of `first − second`, two proportions: the hybrid score interval of R. G. Newcombe, "Interval estimation for the
 * difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998), method 10. It
 * holds for few trials and for shares near 0 and 1. Without trials on either side it is −1 to 1.
 */
export function differenceInterval(first: Proportion, second: Proportion, confidence: number): Interval {
  if (first.trials === 0 || second.trials === 0) return { low: -1, high: 1 };
  const z = normalQuantile((1 + confidence) / 2);
  const [p1, p2] = [first.hits / first.trials, second.hits / second.trials];
  const [one, two] = [scoreInterval(first, z), scoreInterval(second, z)];
  const difference = p1 - p2;
  return {
    low: Math.max(-1, difference - Math.hypot(p1 - one.low, two.high - p2)),
    high: Math.min(1, difference + Math.hypot(one.high - p1, p2 - two.low)),
  };
}

/** The score interval of one proportion (E. B. Wilson, 1927), `z` standard deviations to each side. */
function scoreInterval({ hits, trials }: Proportion, z: number): Interval {
  const share = hits / trials;
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const reach = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  // At the ends the bound is the share itself; only rounding would say otherwise.
  return {
    low: hits <= 0 ? 0 : Math.max(0, centre - reach),
    high: hits >= trials ? 1 : Math.min(1, centre + reach),
  };
}

/** Coefficients of P. J. Acklam's rational approximation; its relative error is below 1.15e-9. */
const CENTRAL_OVER = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
];
const CENTRAL_UNDER = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
];
const TAIL_OVER = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_UNDER = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];
const TAIL = 0.02425;

/** How many standard deviations `share` of a normal distribution lies below; `share` strictly between 0 and 1. */
export function normalQuantile(share: number): number {
  if (share > 0.5) return -normalQuantile(1 - share);
  if (share < TAIL) {
    const q = Math.sqrt(-2 * Math.log(share));
    return polynomial(TAIL_OVER, q) / polynomial(TAIL_UNDER, q);
  }
  const q = share - 0.5;
  return (polynomial(CENTRAL_OVER, q * q) * q) / polynomial(CENTRAL_UNDER, q * q);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
