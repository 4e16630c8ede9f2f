// What the form of the automatic pause holds, how it becomes an input, and how it differs from what is in force. Pure.

import type { GuardPolicyFragment, UpdateRolloutGuardPolicyInput } from '#lib/graphql/generated/graphql.ts';
import { type Difference, percentText, plainDifferences, revisedInput, shareOf } from './setting-form.ts';

export type GuardForm = {
  enabled: boolean;
  minDevices: string;
  marginPoints: string;
  /** Per cent, as people type it. */
  confidencePercent: string;
  watchDays: string;
  maxDevicesPerNetwork: string;
  distrustedNetworks: string;
};
/** What the rules say, without which state of them was read. */
export type GuardPolicy = Omit<GuardPolicyFragment, 'revision'>;

export const GUARD_PARTS = [
  'enabled',
  'minDevices',
  'marginPoints',
  'confidence',
  'watchDays',
  'maxDevicesPerNetwork',
  'distrustedNetworks',
] as const satisfies readonly (keyof GuardPolicy)[];

/** The form for the rules. */
export function guardFormOf(policy: GuardPolicy): GuardForm {
  return {
    enabled: policy.enabled,
    minDevices: String(policy.minDevices),
    marginPoints: String(policy.marginPoints),
    confidencePercent: percentText(policy.confidence),
    watchDays: String(policy.watchDays),
    maxDevicesPerNetwork: String(policy.maxDevicesPerNetwork),
    distrustedNetworks: String(policy.distrustedNetworks),
  };
}

/** The rules that a form asks for; what is no number becomes NaN, which the server would refuse. */
export function guardOf(form: GuardForm): GuardPolicy {
  return {
    enabled: form.enabled,
    minDevices: Number(form.minDevices),
    marginPoints: Number(form.marginPoints),
    confidence: shareOf(form.confidencePercent),
    watchDays: Number(form.watchDays),
    maxDevicesPerNetwork: Number(form.maxDevicesPerNetwork),
    distrustedNetworks: Number(form.distrustedNetworks),
  };
}

/** Only what differs, with the revision that it is based on. */
export function guardInput(before: GuardPolicyFragment, after: GuardPolicy): UpdateRolloutGuardPolicyInput {
  return revisedInput<GuardPolicy, (typeof GUARD_PARTS)[number]>(before, after, GUARD_PARTS);
}

/** What saving would change, in the order of the form. */
export function guardDifferences(before: GuardPolicy, after: GuardPolicy): Difference[] {
  return plainDifferences(before, after, GUARD_PARTS);
}
