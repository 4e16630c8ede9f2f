/** The policy as a table: what makes a person look. */
import { describe, expect, it } from 'vitest';
import { type PolicyFacts, type ReviewReason, reasonsToReview } from '../../server/reviews/policy.ts';

const TRUSTED: PolicyFacts = {
  hasPublishedApp: true,
  permissions: ['storage'],
  lastApprovedPermissions: ['storage'],
  warnings: 0,
  crashed: false,
  openReports: 0,
  reportsToReview: 3,
  reportUpheld: false,
};

const TABLE: [string, Partial<PolicyFacts>, ReviewReason[]][] = [
  ['nothing new from a known developer', {}, []],
  ['a developer without a published app', { hasPublishedApp: false }, ['FIRST_APP']],
  ['the first version of another app', { lastApprovedPermissions: null }, []],
  ['a normal permission more', { permissions: ['storage', 'network'] }, ['NEW_PERMISSION']],
  ['a permission less', { permissions: [] }, []],
  [
    'a dangerous permission it had before',
    { permissions: ['camera'], lastApprovedPermissions: ['camera'] },
    ['DANGEROUS_PERMISSION'],
  ],
  ['a dangerous permission more', { permissions: ['storage', 'camera'] }, ['DANGEROUS_PERMISSION', 'NEW_PERMISSION']],
  [
    'a permission that nobody knows',
    { permissions: ['telepathy'], lastApprovedPermissions: ['telepathy'] },
    ['DANGEROUS_PERMISSION'],
  ],
  ['a warning', { warnings: 1 }, ['CHECK_WARNING']],
  ['a check that crashed', { crashed: true }, ['CHECK_CRASHED']],
  ['two reports', { openReports: 2 }, []],
  ['three reports', { openReports: 3 }, ['USER_REPORTS']],
  ['one report that a reviewer upheld', { reportUpheld: true }, ['USER_REPORTS']],
  [
    'everything at once',
    { hasPublishedApp: false, permissions: ['camera'], warnings: 2, crashed: true, openReports: 9, reportUpheld: true },
    ['FIRST_APP', 'DANGEROUS_PERMISSION', 'NEW_PERMISSION', 'CHECK_WARNING', 'CHECK_CRASHED', 'USER_REPORTS'],
  ],
];

describe('the policy', () => {
  it.each(TABLE)('for %s', (_name, facts, reasons) => {
    expect(reasonsToReview({ ...TRUSTED, ...facts })).toEqual(reasons);
  });
});
