// One run of the guard over many rollouts, with samples that the test makes up.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRolloutGuard, type GuardQuestion } from '../../server/rollouts/guard.ts';
import type { GuardJson } from '../../server/rollouts/guard-json.ts';
import type { NetworkDevices } from '../../server/rollouts/judgement.ts';
import { chosenToWatch, type WatchedRollout } from '../../server/rollouts/watch.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.dispose());

const never = new AbortController().signal;
let clock: TestClock;
let asked: GuardQuestion[];
let recorded: [string, GuardJson][];
let paused: string[];
let failures: string[];
let closed: number;
let watched: WatchedRollout[];
let answer: (question: GuardQuestion) => { newer: NetworkDevices[]; before: NetworkDevices[] };
beforeEach(() => {
  clock = createTestClock();
  [asked, recorded, paused, failures, closed] = [[], [], [], [], 0];
  watched = ['a', 'b', 'c'].map((id) => rollout(id));
  answer = () => ({ newer: alone(100, 0), before: alone(100, 0) });
});

const alone = (devices: number, crashed: number): NetworkDevices[] =>
  Array.from({ length: devices }, (_, index) => ({ devices: 1, crashed: index < crashed ? 1 : 0 }));

function rollout(id: string, changes: Partial<WatchedRollout> = {}): WatchedRollout {
  return {
    rolloutId: id,
    appId: `app ${id}`,
    packageId: `com.example.${id}`,
    track: 'STABLE',
    version: { code: 2, name: '1.1.0' },
    previous: { code: 1, name: '1.0.0' },
    startedAt: new Date(clock.ms() - 3_600_000),
    mayPause: true,
    ...changes,
  };
}

function createGuard() {
  return createRolloutGuard({
    db: database.db,
    clock,
    log: {
      info: () => undefined,
      error: (details) => failures.push(String((details as { rolloutId?: string }).rolloutId)),
    },
    openSampler: () => ({
      sample: async (question) => {
        asked.push(question);
        return { ...answer(question), beside: [], devices: 200, whole: true };
      },
      close: async () => {
        closed += 1;
      },
    }),
    rollouts: {
      watched: async () => watched,
      recordGuard: async (id, judgement) => void recorded.push([id, judgement]),
      pauseByGuard: async (id) => paused.push(id) > 0,
    },
  });
}

describe('a run', () => {
  it('asks for each rollout from a point of its own, the same at every run, and closes what it opened', async () => {
    const guard = createGuard();
    await guard.run(never);
    await guard.run(never);
    const points = asked.map(({ app, from }) => `${app} ${Buffer.from(from).toString('hex')}`);
    expect(points.slice(3)).toEqual(points.slice(0, 3));
    expect(new Set(points.map((point) => point.split(' ').at(-1))).size).toBe(3);
    expect(asked[0]).toMatchObject({ newer: { code: 2 }, previous: { code: 1 }, maxDevicesPerNetwork: 5 });
    expect(closed).toBe(2);
  });

  it('pauses what is worse, but for what a person resumed, and writes down both', async () => {
    watched = [rollout('a', { mayPause: false }), rollout('b'), rollout('c')];
    answer = ({ app }) => ({ newer: alone(100, app === 'app c' ? 1 : 50), before: alone(100, 0) });
    await createGuard().run(never);
    expect(paused).toEqual(['b']);
    expect(recorded.map(([id, { verdict }]) => [id, verdict])).toEqual([
      ['a', 'WORSE'],
      ['b', 'WORSE'],
      ['c', 'NO_WORSE'],
    ]);
  });

  it('writes what it found only where that is new, or an hour old', async () => {
    const guard = createGuard();
    await guard.run(never);
    clock.advance(600_000);
    await guard.run(never);
    expect(recorded).toHaveLength(3);
    answer = ({ app }) => ({ newer: alone(app === 'app b' ? 101 : 100, 0), before: alone(100, 0) });
    await guard.run(never);
    expect(recorded.slice(3)).toMatchObject([['b', { devices: 101, at: clock.now().toISOString() }]]);
    clock.advance(3_600_000);
    await guard.run(never);
    expect(recorded).toHaveLength(7);
  });

  it('goes on to the next where one cannot be judged', async () => {
    answer = ({ app }) => {
      if (app === 'app a') throw new Error('disk I/O error');
      return { newer: alone(100, 50), before: alone(100, 0) };
    };
    await createGuard().run(never);
    expect([failures, paused, closed]).toEqual([['a'], ['b', 'c'], 1]);
  });

  it('ends after five minutes; the next begins where it ended', async () => {
    const guard = createGuard();
    answer = () => {
      clock.advance(200_000);
      return { newer: [], before: [] };
    };
    await guard.run(never);
    expect(asked.map(({ app }) => app)).toEqual(['app a', 'app b']);
    await guard.run(never);
    expect(asked.slice(2).map(({ app }) => app)).toEqual(['app c', 'app a']);
    expect(closed).toBe(2);
  });

  it('gives each its turn, though newer ones come and the one that it ended at is gone', async () => {
    const guard = createGuard();
    answer = () => {
      clock.advance(200_000);
      return { newer: [], before: [] };
    };
    await guard.run(never);
    watched = [rollout('z'), rollout('y'), ...watched.filter(({ rolloutId }) => rolloutId !== 'b')];
    await guard.run(never);
    expect(asked.slice(2).map(({ app }) => app)).toEqual(['app c', 'app y']);
  });

  it('stops when it is told to, and lets go of the thread', async () => {
    const abort = new AbortController();
    answer = () => {
      abort.abort(new Error('the worker stops'));
      throw new Error('the worker stops');
    };
    await expect(createGuard().run(abort.signal)).rejects.toThrow('the worker stops');
    expect([asked.length, closed, failures]).toEqual([1, 1, []]);
  });

  it('starts no thread where nothing is watched', async () => {
    watched = [rollout('old', { startedAt: new Date(clock.ms() - 15 * 86_400_000) })];
    await createGuard().run(never);
    expect([asked, closed]).toEqual([[], 0]);
  });
});

describe('what is watched', () => {
  it('is the latest of each app before the second of any: one app with many pushes no other out', () => {
    const crowd = Array.from({ length: 6_000 }, (_, n) => ({ id: `crowd ${n}`, appId: 'crowd' }));
    const own = [
      { id: 'notes 2', appId: 'notes' },
      { id: 'notes 1', appId: 'notes' },
    ];
    expect(chosenToWatch([...crowd, ...own])).toEqual([
      'crowd 0',
      'notes 2',
      'crowd 1',
      'notes 1',
      'crowd 2',
      'crowd 3',
    ]);
    expect(chosenToWatch([...crowd, ...own], { most: 2 })).toEqual(['crowd 0', 'notes 2']);
  });
});
