/** The review policy as a setting: who reads and changes it, its bounds, its history and its rollback. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences } from '../../server/settings/difference.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Person, type Reviewer, type Seed } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let grace: Person;
let rita: Reviewer;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  grace = await seed.admin();
  rita = await seed.reviewer('Rita');
});
afterAll(() => app.close());

interface Policy {
  readonly leaseMinutes: number;
  readonly serviceLevelHours: number;
  readonly sampleShare: number;
  readonly revision: string;
  readonly rules: readonly { readonly code: string; readonly title: string; readonly text: string }[];
}
const policyOf = async (person: Pick<Person, 'query'>) =>
  (
    await person.query<{ reviewPolicy: Policy }>(
      '{ reviewPolicy { serviceLevelHours leaseMinutes sampleShare revision rules { code title text } } }',
    )
  ).reviewPolicy;

interface Change {
  readonly id: string;
  readonly before: string | null;
  readonly after: string;
  readonly actorName: string | null;
  readonly summary: readonly { path: string; before: string | null; after: string | null }[];
}
const changesOf = async (person: Pick<Person, 'query'>) =>
  (
    await person.query<{ settingChanges: { nodes: Change[] } }>(
      '{ settingChanges { nodes { id key before after actorName summary { path before after } } } }',
    )
  ).settingChanges.nodes;

const audits = () => app.rows(`SELECT id FROM audit_logs WHERE action = 'admin.change_setting'`).length;

describe('the review policy', () => {
  it('is read by reviewers and admins, and changed by admins', async () => {
    expect((await policyOf(rita)).rules.length).toBeGreaterThanOrEqual(10);
    expect(await policyOf(grace)).toEqual(await policyOf(rita));
    expect((await ada.send('{ reviewPolicy { leaseMinutes } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    for (const person of [ada, rita])
      expect(await person.act('updateReviewPolicy', { leaseMinutes: 5 })).toMatchObject({ code: 'FORBIDDEN' });
    expect((await rita.send('{ settingChanges { nodes { id } } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it.each([
    [{ leaseMinutes: 0 }, 'input.leaseMinutes'],
    [{ leaseMinutes: 241 }, 'input.leaseMinutes'],
    [{ serviceLevelHours: 721 }, 'input.serviceLevelHours'],
    [{ sampleShare: 1.01 }, 'input.sampleShare'],
    [{ sampleShare: -0.1 }, 'input.sampleShare'],
    [{ reportsToReview: 0 }, 'input.reportsToReview'],
    [{ rules: [{ code: 'not a code', title: 'x', text: 'x' }] }, 'input.rules.0.code'],
    [{ rules: [{ code: 'A', title: '', text: 'x' }] }, 'input.rules.0.title'],
    [{ rules: [{ code: 'A', title: 'x', text: ' ' }] }, 'input.rules.0.text'],
    [
      {
        rules: [
          { code: 'A', title: 'x', text: 'x' },
          { code: 'A', title: 'y', text: 'y' },
        ],
      },
      'input.rules',
    ],
    [{ rules: Array.from({ length: 61 }, (_, n) => ({ code: `R${n}`, title: 'x', text: 'x' })) }, 'input.rules'],
  ])('refuses %j', async (input, path) => {
    const before = await policyOf(grace);
    expect(await grace.act('updateReviewPolicy', input)).toMatchObject({ code: 'VALIDATION', fields: [{ path }] });
    expect(await policyOf(grace)).toEqual(before);
  });

  it('keeps who changed what, writes nothing where nothing differs, and can be rolled back', async () => {
    const rowsBefore = audits();
    const before = await policyOf(grace);
    await grace.done('updateReviewPolicy', { leaseMinutes: 45, sampleShare: 0 });
    await grace.done('updateReviewPolicy', { leaseMinutes: 45 });
    const [change, ...older] = await changesOf(grace);
    expect(older).toEqual([]);
    expect(change).toMatchObject({
      actorName: 'Grace',
      summary: [{ path: 'leaseMinutes', before: '30', after: '45' }],
    });
    expect(audits()).toBe(rowsBefore + 1);
    expect((await policyOf(rita)).leaseMinutes).toBe(45);
    await grace.done('rollbackSetting', { changeId: change?.id });
    expect(await policyOf(rita)).toMatchObject({ leaseMinutes: 30, rules: before.rules });
    expect(await grace.act('rollbackSetting', { changeId: change?.id })).toMatchObject({ code: 'CONFLICT' });
    const [rollback] = await changesOf(grace);
    expect(rollback?.summary).toEqual([{ path: 'leaseMinutes', before: '45', after: '30' }]);
    expect(audits()).toBe(rowsBefore + 2);
    const { of, others } = await grace.query<Record<'of' | 'others', { nodes: Pick<Change, 'id'>[] }>>(
      '{ of: settingChanges(key: "reviews") { nodes { id } } others: settingChanges(key: "rollout-guard") { nodes { id } } }',
    );
    expect([of.nodes.length, others.nodes.length]).toEqual([2, 0]);
    expect(await rita.act('rollbackSetting', { changeId: change?.id })).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is changed by one of two admins who opened it together; without a revision each changes their field', async () => {
    const { revision } = await policyOf(grace);
    const outcomes = await Promise.all([
      grace.act('updateReviewPolicy', { leaseMinutes: 20, revision }),
      grace.act('updateReviewPolicy', { serviceLevelHours: 12, revision }),
    ]);
    expect(outcomes.map(({ code }) => code ?? 'done').sort()).toEqual(['CONFLICT', 'done']);
    await Promise.all([
      grace.done('updateReviewPolicy', { leaseMinutes: 25 }),
      grace.done('updateReviewPolicy', { serviceLevelHours: 36 }),
    ]);
    expect(await policyOf(grace)).toMatchObject({ leaseMinutes: 25, serviceLevelHours: 36 });
    await grace.done('updateReviewPolicy', { leaseMinutes: 30, serviceLevelHours: 24 });
  });

  it('decides how long a claim holds and when a version is due', async () => {
    await grace.done('updateReviewPolicy', { leaseMinutes: 7, serviceLevelHours: 48 });
    const version = await (await ada.app('com.example.policy')).upload();
    expect(await version.submitted()).toBe('IN_REVIEW');
    await rita.claim(version);
    const [row] = app.rows<{ leased: number; due: number }>(
      `SELECT round((julianday(lease_expires_at) - julianday(claimed_at)) * 1440) AS leased,
         round((julianday(r.due_at) - julianday(v.submitted_at)) * 24) AS due
       FROM reviews r JOIN app_versions v ON v.id = r.version_id WHERE v.id = ?`,
      version.key,
    );
    expect(row).toEqual({ leased: 7, due: 48 });
  });

  it('names what a rejection may refer to, and nothing else', async () => {
    const version = await (await ada.app('com.example.refs')).upload();
    expect(await version.submitted()).toBe('IN_REVIEW');
    const claim = await rita.claim(version);
    const reject = (policyRefs: string[]) => rita.act('rejectReview', { ...claim, feedback: 'No.', policyRefs });
    expect(await reject(['PRIVACY-1', 'NONE-1'])).toMatchObject({
      code: 'VALIDATION',
      fields: [{ path: 'input.policyRefs.1' }],
    });
    expect(await version.state()).toBe('IN_REVIEW');
    expect((await reject(['PRIVACY-1', 'PRIVACY-1'])).code).toBeUndefined();
    const rules = [{ code: 'HOUSE-1', title: 'Ours', text: 'Be kind.' }];
    await grace.done('updateReviewPolicy', { rules });
    const { version: shown } = await ada.query<{ version: object }>(
      'query($id: ID!) { version(id: $id) { policyRules { code title text } } }',
      { id: version.id },
    );
    expect(shown).toEqual({ policyRules: [{ code: 'PRIVACY-1', title: 'PRIVACY-1', text: '' }] });
    const [change] = await changesOf(grace);
    await grace.done('rollbackSetting', { changeId: change?.id });
    expect((await policyOf(rita)).rules.length).toBeGreaterThanOrEqual(10);
  });
});

describe('differences', () => {
  it('name entries of a list by their code, and tell when only the order changed', () => {
    const rule = (code: string, title: string) => ({ code, title });
    const before = { a: 1, rules: [rule('X', 'x'), rule('Y', 'y')] };
    expect(differences(before, { a: 1, rules: [rule('X', 'x!'), rule('Z', 'z')] })).toEqual([
      { path: 'rules.X.title', before: 'x', after: 'x!' },
      { path: 'rules.Y', before: '{"code":"Y","title":"y"}', after: null },
      { path: 'rules.Z', before: null, after: '{"code":"Z","title":"z"}' },
    ]);
    expect(differences(before, { a: 1, rules: [rule('Y', 'y'), rule('X', 'x')] })).toEqual([
      { path: 'rules', before: 'X, Y', after: 'Y, X' },
    ]);
    expect(differences(before, before)).toEqual([]);
  });
});
