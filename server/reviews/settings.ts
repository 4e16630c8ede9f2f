/** Owns the review policy as a setting: its bounds, its defaults and how it is read. settings/service keeps its history. */
import { z } from 'zod';
import { shownLine, shownText } from '../apps/inputs.ts';
import { invalidField } from '../errors.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import { readSetting } from '../settings/stored.ts';
import { DEFAULT_POLICY_RULES } from './policy-rules.ts';

const MAX_RULES = 60;

const policyRuleSchema = z.object({
  code: z
    .string()
    .regex(/^[A-Z0-9](?:[A-Z0-9.-]{0,18}[A-Z0-9])?$/, 'must be 1 to 20 of A-Z, 0-9, dot and hyphen, such as PRIVACY-1'),
  title: shownLine(1, 100),
  text: shownText(2000).refine((text) => text !== '', 'must have at least 1 character'),
});

const within = (least: number, most: number) => `must be from ${least} to ${most}`;

export const reviewSettingsSchema = z.object({
  /** Hours from submission to the due time. */
  serviceLevelHours: z.int('must be a whole number').min(1, within(1, 720)).max(720, within(1, 720)).default(24),
  /** Minutes a claim holds without being renewed. */
  leaseMinutes: z.int('must be a whole number').min(1, within(1, 240)).max(240, within(1, 240)).default(30),
  /** Share of automatically approved versions that a reviewer looks at afterwards, 0 to 1. */
  sampleShare: z.number().min(0, within(0, 1)).max(1, within(0, 1)).default(0.05),
  /** Whether a dangerous permission that is asked for the first time needs two approvals. */
  secondApproval: z.boolean().default(true),
  /** Different accounts whose open reports call a reviewer. */
  reportsToReview: z.int('must be a whole number').min(1, within(1, 100)).max(100, within(1, 100)).default(3),
  /** What decisions can refer to, in the order in which reviewers see it. */
  rules: z
    .array(policyRuleSchema)
    .max(MAX_RULES, `must be at most ${MAX_RULES}`)
    .refine((rules) => new Set(rules.map(({ code }) => code)).size === rules.length, 'must have each code once')
    .default(() => DEFAULT_POLICY_RULES.map((rule) => ({ ...rule }))),
});
export type ReviewSettings = z.output<typeof reviewSettingsSchema>;

export const REVIEW_SETTINGS_KEY = 'reviews';
/** The review policy as settings/service keeps it. */
export const REVIEW_SETTINGS = { key: REVIEW_SETTINGS_KEY, schema: reviewSettingsSchema } as const;

/** The settings in force. */
export function readReviewSettings(tx: Tx | Database['prisma']): Promise<ReviewSettings> {
  return readSetting(tx, REVIEW_SETTINGS);
}

/** Throws VALIDATION for the first reference that is no code of the policy in force. */
export function requireKnownRules({ rules }: ReviewSettings, refs: readonly string[], path: string): void {
  const known = new Set(rules.map(({ code }) => code));
  const index = refs.findIndex((ref) => !known.has(ref));
  if (index < 0) return;
  throw invalidField(`${path}.${index}`, `must be the code of a rule of the review policy, such as ${rules[0]?.code}`);
}
