// What the form of the review policy holds, how it becomes an input, and how it differs from what is in force. Pure.

import type { PolicyFragment, UpdateReviewPolicyInput } from '#lib/graphql/generated/graphql.ts';
import { type Difference, percentText, plainDifferences, revisedInput, shareOf } from './setting-form.ts';

export type Rule = { key: number; code: string; title: string; text: string };
export type PolicyForm = {
  serviceLevelHours: string;
  leaseMinutes: string;
  /** Per cent, as people type it. */
  samplePercent: string;
  secondApproval: boolean;
  reportsToReview: string;
  rules: Rule[];
};
/** What a policy says, without which state of it was read. */
export type Policy = Omit<PolicyFragment, 'revision'>;

/** The parts that have a field of their own; the rules are apart. */
export const POLICY_PARTS = [
  'serviceLevelHours',
  'leaseMinutes',
  'sampleShare',
  'secondApproval',
  'reportsToReview',
] as const;

/** The form for a policy; the keys of its rules only tell them apart on the page. */
export function formOf(policy: Policy): PolicyForm {
  return {
    serviceLevelHours: String(policy.serviceLevelHours),
    leaseMinutes: String(policy.leaseMinutes),
    samplePercent: percentText(policy.sampleShare),
    secondApproval: policy.secondApproval,
    reportsToReview: String(policy.reportsToReview),
    rules: policy.rules.map((rule, key) => ({ key, code: rule.code, title: rule.title, text: rule.text })),
  };
}

/** The whole policy that a form asks for; what is no number becomes NaN, which the server would refuse. */
export function policyOf(form: PolicyForm): Policy {
  return {
    serviceLevelHours: Number(form.serviceLevelHours),
    leaseMinutes: Number(form.leaseMinutes),
    sampleShare: shareOf(form.samplePercent),
    secondApproval: form.secondApproval,
    reportsToReview: Number(form.reportsToReview),
    rules: form.rules.map(({ code, title, text }) => ({ code: code.trim(), title: title.trim(), text: text.trim() })),
  };
}

/** Only what differs, so that a change of one part says nothing of the others; with the revision that it is based on. */
export function changedInput(before: PolicyFragment, after: Policy): UpdateReviewPolicyInput {
  return {
    ...revisedInput<Policy, (typeof POLICY_PARTS)[number]>(before, after, POLICY_PARTS),
    ...(sameRules(before, after) ? {} : { rules: after.rules.map(({ code, title, text }) => ({ code, title, text })) }),
  };
}

/** What saving would change, in the order of the form. Rules are told apart by their code. */
export function differencesOf(before: Policy, after: Policy): Difference[] {
  const plain = plainDifferences(before, after, POLICY_PARTS);
  const rules = ruleDifferences(before, after);
  if (rules.length > 0 || sameRules(before, after)) return [...plain, ...rules];
  const order = (policy: Policy) => policy.rules.map(({ code }) => code).join(', ');
  return [...plain, { path: 'rules', before: order(before), after: order(after) }];
}

function ruleDifferences(before: Policy, after: Policy): Difference[] {
  const codes = [...new Set([...before.rules, ...after.rules].map(({ code }) => code))];
  return codes.flatMap((code) => {
    const old = before.rules.find((rule) => rule.code === code);
    const now = after.rules.find((rule) => rule.code === code);
    return (['title', 'text'] as const)
      .filter((part) => old?.[part] !== now?.[part])
      .map((part) => ({ path: `rules.${code}.${part}`, before: old?.[part] ?? null, after: now?.[part] ?? null }));
  });
}

function sameRules(before: Policy, after: Policy): boolean {
  const key = (policy: Policy) => JSON.stringify(policy.rules.map(({ code, title, text }) => [code, title, text]));
  return key(before) === key(after);
}
