/** Owns the guard's rules as a setting: its bounds, its defaults and how it is read. settings/service keeps its history. */
import { z } from 'zod';
import type { Database, Tx } from '../platform/db/database.ts';
import { readSetting } from '../settings/stored.ts';

const within = (least: number, most: number) => `must be from ${least} to ${most}`;
const whole = (least: number, most: number) =>
  z.int('must be a whole number').min(least, within(least, most)).max(most, within(least, most));
const number = (least: number, most: number) =>
  z.number().min(least, within(least, most)).max(most, within(least, most));

export const guardSettingsSchema = z.object({
  /** Whether releases are compared and paused at all. */
  enabled: z.boolean().default(true),
  /** Devices that the new and the previous version need each before they are compared. */
  minDevices: whole(20, 100_000).default(50),
  /** Percentage points of crash-free devices that a version may lose for sure before it is paused. */
  marginPoints: number(0, 50).default(1),
  /** Of the interval whose lower bound is above the margin. */
  confidence: number(0.9, 0.9999).default(0.99),
  /** Days from the start of a rollout in which it is watched. */
  watchDays: whole(1, 14).default(14),
  /** Devices of one network (an IPv4 /24, an IPv6 /48) that count. */
  maxDevicesPerNetwork: whole(1, 1_000).default(5),
  /** Networks whose crashes are left out, those with the most: so many may be forged. */
  distrustedNetworks: whole(0, 100).default(3),
});
export type GuardSettings = z.output<typeof guardSettingsSchema>;

export const GUARD_SETTINGS_KEY = 'rollout-guard';
/** The guard's rules as settings/service keeps them. */
export const GUARD_SETTINGS = { key: GUARD_SETTINGS_KEY, schema: guardSettingsSchema } as const;

/** The rules in force. */
export function readGuardSettings(tx: Tx | Database['prisma']): Promise<GuardSettings> {
  return readSetting(tx, GUARD_SETTINGS);
}
