/** Steps that raise a rollout by themselves: when they come, and what moves them. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import type { VersionHandle } from '../support/seed.ts';
import { createStand, type Stand } from './stand.ts';

const HOUR = 3_600_000;
// Not the tests' usual day: tuf-js looks at the machine's clock.
const clock: TestClock = createTestClock(new Date());
let server: Stand;
let stand: Stand;
let start: number;
beforeAll(async () => {
  server = await createStand({ clock });
});
beforeEach(async () => {
  stand = await server.another();
  start = clock.ms();
  await stand.published();
});
afterAll(() => server.close());

const at = (hours: number) => new Date(start + hours * HOUR).toISOString();
const ramp = (...steps: [number, number][]) => steps.map(([hours, percent]) => ({ at: at(hours), percent }));
const staged = (...steps: [number, number][]) => stand.published({ percent: 5, schedule: ramp(...steps) });
/** What the job does each minute. */
const run = () => stand.app.services.rollouts.carryOutSteps();

async function shares(version: VersionHandle): Promise<[string, number, string[]]> {
  const { state, percent, schedule } = await stand.rollout(version);
  return [state, percent, schedule.map((step) => `${(Date.parse(step.at) - start) / HOUR}h ${step.percent}`)];
}

describe('a scheduled ramp', () => {
  it('raises the share when each step is due, is told by the schedule, and completes at 100', async () => {
    const version = await staged([1, 20], [2, 50], [3, 100]);
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 5, ['1h 20', '2h 50', '3h 100']]);
    clock.advance(HOUR);
    await run();
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 20, ['2h 50', '3h 100']]);
    expect((await stand.target(2))?.rollouts.stable?.basis_points).toBe(2000);
    clock.advance(HOUR);
    await run();
    clock.advance(HOUR);
    await run();
    expect([await shares(version), await stand.download()]).toEqual([['COMPLETE', 100, []], 2]);
    expect(await stand.changes()).toEqual([
      '2 STABLE STARTED 5 DEVELOPER',
      '2 STABLE RAISED 20 SCHEDULE',
      '2 STABLE RAISED 50 SCHEDULE',
      '2 STABLE COMPLETED 100 SCHEDULE',
    ]);
  });

  it('is carried out once when two runs meet', async () => {
    const version = await staged([1, 20], [2, 50]);
    clock.advance(2 * HOUR);
    await Promise.all([run(), run(), run()]);
    expect((await shares(version))[1]).toBe(20);
  });

  it('that comes late takes one step and moves the others by as much: no share is jumped', async () => {
    const version = await staged([1, 20], [2, 50], [3, 100]);
    clock.advance(10 * HOUR);
    await run();
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 20, ['11h 50', '12h 100']]);
  });

  it('keeps its calendar over a short delay', async () => {
    const version = await staged([1, 20], [2, 50]);
    clock.advance(HOUR + 5 * 60_000);
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 20, ['2h 50']]);
  });

  it('waits while paused; resumed, it goes on later by the length of the pause, and says so', async () => {
    const version = await staged([1, 20], [2, 50]);
    const rollout = await stand.rollout(version);
    clock.advance(HOUR / 2);
    await stand.act('pauseRollout', rollout, { reason: 'A look' });
    clock.advance(5 * HOUR);
    await run();
    expect(await shares(version)).toEqual(['PAUSED', 5, ['1h 20', '2h 50']]);
    await stand.act('resumeRollout', rollout);
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 5, ['6h 20', '7h 50']]);
    const { app } = await stand.ada.query<{ app: { events: { rollout: object | null }[] } }>(
      'query($id: String!) { app(packageId: $id) { events(first: 1) { rollout { change percent by stepsMovedByMs } } } }',
      { id: stand.notes.packageId },
    );
    expect(app.events[0]?.rollout).toEqual({
      change: 'RESUMED',
      percent: 5,
      by: 'DEVELOPER',
      stepsMovedByMs: 5 * HOUR,
    });
  });

  it('stands as planned after a pause in which no step came due', async () => {
    const version = await staged([3, 20]);
    const rollout = await stand.rollout(version);
    await stand.act('pauseRollout', rollout, { reason: 'A look' });
    clock.advance(HOUR);
    await stand.act('resumeRollout', rollout);
    expect(await shares(version)).toEqual(['ACTIVE', 5, ['3h 20']]);
  });

  it('loses the steps that a raise by hand has passed, and all of them with a halt', async () => {
    const version = await staged([1, 20], [2, 50], [3, 80]);
    const rollout = await stand.rollout(version);
    await stand.act('raiseRollout', rollout, { percent: 50 });
    expect(await shares(version)).toEqual(['ACTIVE', 50, ['3h 80']]);
    await stand.act('haltRollout', rollout, { reason: 'Stop' });
    expect(await shares(version)).toEqual(['HALTED', 50, []]);
  });

  it('is replaced as a whole, and taken away by none', async () => {
    const version = await staged([1, 20], [2, 50]);
    const rollout = await stand.rollout(version);
    await stand.act('scheduleRollout', rollout, { steps: ramp([4, 60]) });
    expect(await shares(version)).toEqual(['ACTIVE', 5, ['4h 60']]);
    await stand.act('scheduleRollout', rollout, { steps: [] });
    clock.advance(9 * HOUR);
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 5, []]);
  });

  it('waits while the version is suspended or its app is, and takes one step then', async () => {
    const version = await staged([1, 20], [2, 50]);
    await stand.rita.done('suspendVersion', { versionId: version.id, reason: 'A look' });
    clock.advance(5 * HOUR);
    await run();
    expect((await shares(version))[1]).toBe(5);
    await stand.rita.done('reinstateVersion', { versionId: version.id, reason: 'Fine' });
    await run();
    expect(await shares(version)).toEqual(['ACTIVE', 20, ['6h 50']]);
    const grace = await stand.seed.admin();
    await grace.done('suspendApp', { appId: stand.notes.id, reason: 'A look' });
    clock.advance(5 * HOUR);
    await run();
    expect((await shares(version))[1]).toBe(20);
  });
});

it('a ramp goes on after the server was stopped: the job of the next start takes the step', async () => {
  const fresh = await createStand({ clock });
  const version = await fresh.published({ percent: 5, schedule: ramp([1, 20], [2, 50]) });
  await fresh.app.close({ keep: true });
  clock.advance(HOUR + 60_000);
  const again = await startApp({
    clock,
    dataDir: fresh.app.dataDir,
  });
  try {
    await again.services.jobs.idle();
    const [row] = again.rows<{ share: number }>(
      'SELECT basis_points AS share FROM rollouts WHERE version_id = ?',
      version.key,
    );
    expect(row?.share).toBe(2000);
  } finally {
    await again.close();
    await fresh.close();
    await rm(dirname(fresh.app.dataDir), { recursive: true, force: true });
  }
});
