// What the form of the review policy says that saving would change.
import { expect, it } from 'vitest';
import { changedInput, differencesOf, formOf, policyOf } from '../../web/src/routes/(admin)/admin/policy-form.ts';

const rule = (code: string, title = code, text = `text of ${code}`) => ({ code, title, text });
const policy = {
  serviceLevelHours: 24,
  leaseMinutes: 30,
  sampleShare: 0.05,
  secondApproval: true,
  reportsToReview: 3,
  revision: 'r1',
  rules: [rule('A-1'), rule('B-1')],
};

it('reads back what it was filled with', () => {
  expect(differencesOf(policy, policyOf(formOf(policy)))).toEqual([]);
  expect(changedInput(policy, policyOf(formOf(policy)))).toEqual({ revision: 'r1' });
});

it('sends only what differs, with the revision it is based on', () => {
  const after = policyOf({ ...formOf(policy), samplePercent: '12.5' });
  expect(changedInput(policy, after)).toEqual({ revision: 'r1', sampleShare: 0.125 });
  expect(differencesOf(policy, after)).toEqual([{ path: 'sampleShare', before: '0.05', after: '0.125' }]);
});

it('tells rules apart by code: changed, added and removed', () => {
  const after = { ...policy, rules: [rule('A-1', 'New title'), rule('C-1')] };
  expect(differencesOf(policy, after).map(({ path, before, after: now }) => [path, before, now])).toEqual([
    ['rules.A-1.title', 'A-1', 'New title'],
    ['rules.B-1.title', 'B-1', null],
    ['rules.B-1.text', 'text of B-1', null],
    ['rules.C-1.title', null, 'C-1'],
    ['rules.C-1.text', null, 'text of C-1'],
  ]);
});

it('says a new order of the rules as one difference', () => {
  const after = { ...policy, rules: [rule('B-1'), rule('A-1')] };
  expect(differencesOf(policy, after)).toEqual([{ path: 'rules', before: 'A-1, B-1', after: 'B-1, A-1' }]);
});
