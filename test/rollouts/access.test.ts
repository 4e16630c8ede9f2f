/** Who may see and change rollouts, and what is refused of what they say. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../support/client.ts';
import { localId, type Person, type VersionHandle } from '../support/seed.ts';
import { createStand, type ShownRollout, type Stand } from './stand.ts';

let stand: Stand;
let first: VersionHandle;
let second: VersionHandle;
let third: VersionHandle;
let rollout: ShownRollout;
const viewers: Record<string, Client> = {};

beforeAll(async () => {
  stand = await createStand();
  const { app, seed, ada, rita, notes } = stand;
  first = await stand.published();
  second = await stand.published({ percent: 5 });
  third = await stand.approved();
  rollout = await stand.rollout(second);
  const db = new Sqlite(join(app.dataDir, 'core.db'));
  const join_ = async (name: string, role: string): Promise<Person> => {
    const person = await seed.developer(name);
    db.prepare('INSERT INTO app_members (app_id, developer_id, role, created_at) VALUES (?, ?, ?, ?)').run(
      notes.key,
      localId(person.id),
      role,
      new Date().toISOString(),
    );
    return person;
  };
  const other = await seed.developer('Otto');
  const otherApp = await ada.app('com.example.else');
  viewers.owner = await join_('Olga', 'OWNER');
  viewers.maintainer = await join_('Mira', 'MAINTAINER');
  viewers.member = await join_('Vera', 'VIEWER');
  db.close();
  viewers.reviewer = rita;
  viewers.admin = await seed.admin();
  viewers.stranger = other;
  viewers.anonymous = app.client();
  viewers['key that may publish'] = app.client().as(await ada.apiKey(['VERSIONS_PUBLISH']));
  viewers['key that may upload'] = app.client().as(await ada.apiKey(['VERSIONS_WRITE']));
  viewers['key for another app'] = app.client().as(await ada.apiKey(['VERSIONS_PUBLISH'], { appId: otherApp.id }));
  viewers['key for telemetry'] = app.client().as(await ada.apiKey(['TELEMETRY_READ']));
});
afterAll(() => stand.close());

const TABLE: readonly [string, { readonly sees: boolean; readonly code: string | null }][] = [
  ['owner', { sees: true, code: null }],
  ['key that may publish', { sees: true, code: null }],
  ['maintainer', { sees: true, code: 'FORBIDDEN' }],
  ['member', { sees: true, code: 'FORBIDDEN' }],
  ['reviewer', { sees: true, code: 'NOT_FOUND' }],
  ['admin', { sees: true, code: 'NOT_FOUND' }],
  ['stranger', { sees: false, code: 'NOT_FOUND' }],
  ['anonymous', { sees: false, code: 'UNAUTHENTICATED' }],
  ['key that may upload', { sees: true, code: 'SCOPE_MISSING' }],
  ['key for another app', { sees: false, code: 'NOT_FOUND' }],
  ['key for telemetry', { sees: false, code: 'SCOPE_MISSING' }],
];

function as(name: string): Client {
  const viewer = viewers[name];
  if (viewer === undefined) throw new Error(`nobody is called ${name}`);
  return viewer;
}

describe.each(TABLE)('%s', (name, { sees, code }) => {
  it(sees ? 'sees rollouts' : 'sees no rollout', async () => {
    const answer = await as(name).query<{
      node: { id: string } | null;
      version: { rollouts: { id: string; viewerCanChange: boolean }[] } | null;
    }>(
      'query($id: ID!, $version: ID!) { node(id: $id) { id } version(id: $version) { rollouts { id viewerCanChange } } }',
      {
        id: rollout.id,
        version: second.id,
      },
    );
    expect(answer.node?.id ?? null).toBe(sees ? rollout.id : null);
    expect(answer.version?.rollouts ?? null).toEqual(
      sees ? [{ id: rollout.id, viewerCanChange: code === null }] : null,
    );
  });

  it(code === null ? 'may change them' : `is refused every change with ${code}`, async () => {
    const { notes } = stand;
    const { id: rolloutId } = rollout;
    const later = [{ at: new Date(Date.now() + 86_400_000).toISOString(), percent: 90 }];
    const acts: [string, Record<string, unknown>][] = [
      ['scheduleRollout', { rolloutId, steps: later }],
      ['pauseRollout', { rolloutId, reason: 'Try' }],
      ['resumeRollout', { rolloutId }],
      ['haltRollout', { rolloutId, reason: 'Try' }],
      ['startRollout', { versionId: second.id, track: 'STABLE', percent: 5 }],
    ];
    const refusedOnly: typeof acts = [
      ['raiseRollout', { rolloutId, percent: 99 }],
      ['publishVersion', { versionId: third.id, track: 'BETA' }],
      [
        'rollBack',
        { appId: notes.id, track: 'STABLE', fromVersionId: second.id, toVersionId: first.id, reason: 'Try' },
      ],
    ];
    for (const [act, input] of code === null ? acts : [...acts, ...refusedOnly])
      expect([act, (await as(name).act(act, input)).code ?? null]).toEqual([act, code]);
  });
});

describe('what is said of a rollout', () => {
  it('is refused with the field where a share is none, and nothing changes', async () => {
    for (const percent of [0, -1, 0.001, 12.345, 100.01, 1e9])
      expect(await stand.ada.act('publishVersion', { versionId: third.id, percent }), String(percent)).toMatchObject({
        code: 'VALIDATION',
        fields: [{ path: 'input.percent' }],
      });
    const now = await stand.rollout(second);
    for (const percent of [now.percent, 0.01])
      expect(await stand.act('raiseRollout', rollout, { percent })).toMatchObject({
        code: 'VALIDATION',
        fields: [{ path: 'input.percent' }],
      });
    expect(await third.state()).toBe('APPROVED');
  });

  it('takes shares in hundredths, floats and all', async () => {
    const one = await stand.another();
    const version = await one.published({ percent: 0.07 });
    for (const percent of [0.29, 1.13, 4.35, 33.33, 57.29])
      expect([percent, (await one.act('raiseRollout', await one.rollout(version), { percent })).code]).toEqual([
        percent,
        undefined,
      ]);
    expect((await one.rollout(version)).percent).toBe(57.29);
  });

  it('is refused where steps do not rise, lie in the past, or are too many', async () => {
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const cases: [string, { at: string; percent: number }[]][] = [
      ['input.steps.0.at', [{ at: at(-1), percent: 50 }]],
      ['input.steps.0.percent', [{ at: at(1), percent: 5 }]],
      [
        'input.steps.1.at',
        [
          { at: at(2), percent: 50 },
          { at: at(2), percent: 60 },
        ],
      ],
      [
        'input.steps.1.percent',
        [
          { at: at(1), percent: 50 },
          { at: at(2), percent: 50 },
        ],
      ],
      ['input.steps.0.at', [{ at: at(24 * 400), percent: 50 }]],
      ['input.steps', Array.from({ length: 21 }, (_, n) => ({ at: at(n + 1), percent: n + 10 }))],
    ];
    for (const [path, steps] of cases)
      expect([path, await stand.act('scheduleRollout', rollout, { steps })]).toMatchObject([
        path,
        { code: 'VALIDATION', fields: [{ path }] },
      ]);
  });

  it('is audited with who did what', async () => {
    const rows = stand.app.rows<{ action: string; details: string }>(
      `SELECT action, details FROM audit_logs WHERE action = 'version.change_rollout' AND resource_id = ?`,
      second.key,
    );
    const changes = new Set(rows.map(({ details }) => (JSON.parse(details) as { change: string }).change));
    for (const change of ['SCHEDULED', 'PAUSED', 'RESUMED', 'HALTED', 'STARTED']) expect(changes).toContain(change);
  });
});
