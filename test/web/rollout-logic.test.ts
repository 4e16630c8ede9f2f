// What the pages of rollouts decide before they ask: shares, steps, what may be done, and the words for it.
import { expect, it } from 'vitest';
import type { RolloutBriefFragment, RolloutState, Track } from '../../web/src/lib/graphql/generated/graphql.ts';
import { en } from '../../web/src/lib/messages/en.ts';
import { localMinute, rampOver, readShare, readSteps } from '../../web/src/lib/rollouts/plan.ts';
import {
  actsOf,
  headlineOf,
  presentAndPast,
  rollbackTargets,
  startable,
  suggestedTarget,
} from '../../web/src/lib/rollouts/standing.ts';

const NOW = Date.parse('2026-03-02T09:00:00Z');
const rollout = (track: Track, state: RolloutState, percent = 100): RolloutBriefFragment => ({
  id: `${track} ${state}`,
  track,
  state,
  percent,
});

it('takes a share above what is there, up to 100, in hundredths, as people write it', () => {
  expect(readShare('12,5 %', 5)).toEqual({ ok: true, value: 12.5 });
  expect(readShare('0.01', 0)).toEqual({ ok: true, value: 0.01 });
  for (const wrong of ['', ' ', '0', '-1', '100.01', 'ten', '1e', 'NaN', '5.001', '5'])
    expect(readShare(wrong, 5)).toMatchObject({ ok: false });
});

it('takes steps that rise in time and share, and names the first that does not', () => {
  const step = (key: number, hours: number, percent: string) => ({
    key,
    at: localMinute(NOW + hours * 3_600_000),
    percent,
  });
  expect(readSteps([step(1, 1, '10'), step(2, 2, '100')], 5, NOW)).toEqual({
    ok: true,
    value: [
      { at: '2026-03-02T10:00:00.000Z', percent: 10 },
      { at: '2026-03-02T11:00:00.000Z', percent: 100 },
    ],
  });
  expect(readSteps([step(1, -1, '10')], 5, NOW)).toMatchObject({ ok: false, error: expect.stringContaining('Step 1') });
  expect(readSteps([step(1, 1, '10'), step(2, 1, '20')], 5, NOW)).toMatchObject({
    error: expect.stringContaining('Step 2'),
  });
  expect(readSteps([step(1, 1, '10'), step(2, 2, '9')], 5, NOW)).toMatchObject({
    error: expect.stringContaining('more than 10 %'),
  });
  expect(readSteps([{ key: 1, at: '', percent: '10' }], 5, NOW)).toMatchObject({ ok: false });
});

it('fills in a ramp that begins above the share and ends with every device', () => {
  const steps = rampOver(3, 25, NOW).map((step, key) => ({ ...step, key }));
  expect(steps.map(({ percent }) => percent)).toEqual(['50', '100']);
  expect(readSteps(steps, 25, NOW)).toMatchObject({ ok: true });
  expect(Date.parse(steps.at(-1)?.at ?? '')).toBe(NOW + 3 * 86_400_000);
});

it('offers only what the state of a rollout leaves to do', () => {
  expect(actsOf({ state: 'ACTIVE', percent: 5 })).toContain('raise');
  expect(actsOf({ state: 'PAUSED', percent: 5 })).not.toContain('raise');
  expect(actsOf({ state: 'PAUSED', percent: 100 })).not.toContain('schedule');
  expect(actsOf({ state: 'COMPLETE', percent: 100 })).toEqual(['pause', 'rollBack', 'halt']);
  expect(actsOf({ state: 'HALTED', percent: 5 })).toEqual([]);
  expect(startable([rollout('BETA', 'ACTIVE', 5)])).toEqual([{ track: 'STABLE', again: false }]);
  expect(startable([rollout('STABLE', 'HALTED', 5), rollout('BETA', 'COMPLETE')])).toEqual([
    { track: 'STABLE', again: true },
  ]);
});

it('goes back only to lower codes that were published and are not suspended', () => {
  const version = (versionCode: number, state: string, publishedAt: string | null = '2026-01-01T00:00:00Z') => ({
    versionCode,
    state,
    publishedAt,
  });
  const versions = [
    version(1, 'PUBLISHED'),
    version(2, 'UNPUBLISHED'),
    version(3, 'SUSPENDED'),
    version(4, 'APPROVED', null),
    version(5, 'PUBLISHED'),
    version(6, 'PUBLISHED'),
  ];
  expect(rollbackTargets(versions, 5).map(({ versionCode }) => versionCode)).toEqual([2, 1]);
});

it('begins a rollback with the newest target that was not stopped itself', () => {
  const stopped = { name: '1.1.0', rollouts: [rollout('STABLE', 'HALTED')] };
  const good = { name: '1.0.0', rollouts: [rollout('STABLE', 'SUPERSEDED'), rollout('BETA', 'COMPLETE')] };
  expect(suggestedTarget([stopped, good])).toBe(good);
  expect(suggestedTarget([stopped])).toBe(stopped);
  expect(suggestedTarget([])).toBeUndefined();
});

it('says of a live version to whom it goes, and nothing where it goes to everybody', () => {
  expect(headlineOf([rollout('STABLE', 'COMPLETE'), rollout('BETA', 'PAUSED', 5)])).toBeNull();
  expect(headlineOf([])).toBeNull();
  expect(headlineOf([rollout('STABLE', 'PAUSED', 5)])).toEqual({ kind: 'paused', percent: 5 });
  expect(headlineOf([rollout('STABLE', 'HALTED', 5), rollout('BETA', 'ACTIVE', 20)])).toEqual({
    kind: 'betaOnly',
    percent: 20,
  });
  expect(headlineOf([rollout('STABLE', 'HALTED', 5)])).toEqual({ kind: 'none' });
});

it('shows as present what is unfinished and the newest live version for everybody on each track', () => {
  const of = (versionCode: number, track: Track, state: RolloutState, version = 'PUBLISHED') => ({
    ...rollout(track, state),
    id: `${versionCode} ${track}`,
    version: { versionCode, state: version },
  });
  const { present, past } = presentAndPast([
    of(5, 'STABLE', 'ACTIVE'),
    of(4, 'STABLE', 'COMPLETE', 'SUSPENDED'),
    of(3, 'STABLE', 'COMPLETE'),
    of(2, 'STABLE', 'COMPLETE'),
    of(3, 'BETA', 'HALTED'),
  ]);
  expect(present.map(({ id }) => id)).toEqual(['5 STABLE', '3 STABLE']);
  expect(past.map(({ id }) => id)).toEqual(['4 STABLE', '2 STABLE', '3 BETA']);
});

it('tells what became of a rollout in words, by whom', () => {
  const news = { track: 'STABLE', percent: 12.5, toVersionCode: null, stepsMovedByMs: null } as const;
  const line = (rolloutNews: Parameters<typeof en.rollouts.change>[0]) =>
    en.timeline.event({ type: 'ROLLOUT_CHANGED', actor: { kind: 'YOU' }, rollout: rolloutNews });
  expect(line({ ...news, change: 'RAISED', by: 'DEVELOPER' })).toBe('Raised to 12.5 % of stable by you');
  expect(line({ ...news, change: 'RAISED', by: 'SCHEDULE' })).toBe('Raised to 12.5 % of stable as scheduled');
  expect(line({ ...news, change: 'PAUSED', by: 'GUARD' })).toBe('Rollout to stable paused at 12.5 % by the platform');
  expect(line({ ...news, change: 'ROLLED_BACK', by: 'DEVELOPER', toVersionCode: 3 })).toBe(
    'Devices on stable are taken back to version code 3 by you',
  );
});

it('says what the platform compared, with its numbers', () => {
  const compared = {
    at: '2026-03-02T09:00:00Z',
    verdict: 'WORSE',
    devices: 212,
    crashFreePercent: 91.3,
    previousVersion: '1.1.0',
    previousDevices: 1_840,
    previousCrashFreePercent: 99.1,
    worseByAtLeast: 3.4,
  } as const;
  expect(en.rollouts.guard(compared)).toBe(
    '91.3 % of 212 devices of this version had no crash; with 1.1.0 it was 99.1 % of 1,840 devices. That is worse by at least 3.4 percentage points.',
  );
  expect(en.rollouts.guard({ ...compared, verdict: 'TOO_FEW_DEVICES', devices: 0 })).toMatch(/^Nothing to say yet/);
});
