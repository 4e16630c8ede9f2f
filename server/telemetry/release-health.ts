/**
 * Owns how releases do: crash-free devices and sessions with their uncertainty, and adoption, from daily rows. Pure. Totals of
 * a version are always shown (docs/ARCHITECTURE.md, Privacy), so nothing is merged here.
 */
import type { DailyRow } from './aggregate-reader.ts';
import { totalsOf, versionHealthOf } from './reports.ts';

/** A share of 0 to 1 and its 95 % interval. */
export interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface ReleaseHealth {
  readonly version: string;
  /** Devices that sent anything under this version. */
  readonly activeDevices: number;
  /** Share of all active devices that used this version, 0 to 1; a device that updated counts for both. */
  readonly adoption: number;
  /** Starts of the app. */
  readonly sessions: number;
  readonly crashes: number;
  readonly crashDevices: number;
  /** Null without devices. */
  readonly crashFreeDevices: Share | null;
  /** Null without sessions. */
  readonly crashFreeSessions: Share | null;
}

/** The 97.5 % quantile of the normal distribution: two sides of a 95 % interval. */
const Z = 1.959_963_984_540_054;

/**
 * The share of `hits` among `trials` with its 95 % Wilson score interval (Wilson 1927), which stays within 0 and 1 and holds
 * for few trials. Null without trials; hits over the trials count as all of them.
 */
export function wilson(hits: number, trials: number): Share | null {
  if (trials <= 0) return null;
  const value = Math.min(Math.max(0, hits), trials) / trials;
  const scale = 1 + Z ** 2 / trials;
  const centre = (value + Z ** 2 / (2 * trials)) / scale;
  const reach = (Z / scale) * Math.sqrt((value * (1 - value)) / trials + Z ** 2 / (4 * trials ** 2));
  // At the ends the bound is the value itself; only rounding would say otherwise.
  const low = value === 0 ? 0 : Math.max(0, centre - reach);
  const high = value === 1 ? 1 : Math.min(1, centre + reach);
  return { value, low, high };
}

/** Each version over the rows, most active devices first. A crash is taken to end one session. */
export function releaseHealthOf(rows: readonly DailyRow[]): ReleaseHealth[] {
  const { activeDevices: all } = totalsOf(rows);
  const sessions = new Map<string, number>();
  for (const { type, version, count } of rows)
    if (type === 'app_start') sessions.set(version, (sessions.get(version) ?? 0) + count);
  return versionHealthOf(rows).map(({ version, activeDevices, crashes, crashDevices }) => {
    const started = sessions.get(version) ?? 0;
    return {
      version,
      activeDevices,
      // Both are estimates: their quotient may come out a little over all.
      adoption: all === 0 ? 0 : Math.min(1, activeDevices / all),
      sessions: started,
      crashes,
      crashDevices,
      crashFreeDevices: wilson(activeDevices - crashDevices, activeDevices),
      crashFreeSessions: wilson(started - crashes, started),
    };
  });
}
