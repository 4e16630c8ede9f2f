// What the analytics pages decide before they draw: days, frames, the live minute, lines and rows.
import { expect, it } from 'vitest';
import { contextFacts } from '../../web/src/lib/analytics/context.ts';
import { healthRows } from '../../web/src/lib/analytics/health.ts';
import { addTick, type LiveTick, lastMinute } from '../../web/src/lib/analytics/live.ts';
import { daysBetween, rangeOf, searchOf } from '../../web/src/lib/analytics/range.ts';
import { ownFirst, stackFrames } from '../../web/src/lib/analytics/stack.ts';
import { totalsOf } from '../../web/src/lib/analytics/versions.ts';
import { lineSegments, roundTop } from '../../web/src/lib/ui/lines.ts';
import { mergedCount, perDayDevices } from '../../web/src/lib/versions/telemetry.ts';

const NOW = Date.parse('2026-03-02T09:00:00Z');
const asked = (search: string) => {
  const parameters = new URLSearchParams(search);
  return rangeOf((name) => parameters.get(name), NOW);
};

it('takes the days of the address where they are a range, and the last 30 where they are none', () => {
  expect(asked('from=2026-02-27&to=2026-03-01')).toEqual({
    choice: 'custom',
    days: ['2026-02-27', '2026-02-28', '2026-03-01'],
  });
  expect(asked('days=7').days).toHaveLength(7);
  expect(asked('days=7').days.at(-1)).toBe('2026-03-02');
  for (const search of [
    '',
    'days=8',
    'from=2026-03-01',
    'from=2026-03-01&to=2026-02-27',
    'from=2026-02-30&to=2026-03-01',
  ])
    expect(asked(search)).toMatchObject({ choice: '30' });
  expect(daysBetween('2024-01-01', '2026-01-01')).toBeNull();
});

it('starts a choice of days from those shown, and leaves the usual range out of the address', () => {
  expect(searchOf('custom', ['2026-02-27', '2026-03-01'])).toEqual({
    days: null,
    from: '2026-02-27',
    to: '2026-03-01',
  });
  expect(searchOf('30', [])).toEqual({ days: null, from: null, to: null });
  expect(searchOf('7', [])).toMatchObject({ days: '7' });
});

it('shows the app’s own frames before those of the runtime, each by its path in the package', () => {
  const frames = stackFrames(
    [
      'stack traceback:',
      "\t[C]: in function 'error'",
      "\t/var/mosis/apps/com.example.notes/package/assets/scripts/app.lua:42: in upvalue 'open'",
      '\tassets/scripts/main.lua:7: in main chunk',
      "\t/opt/mosis/lib/runtime.lua:12: in function 'dispatch'",
      '\t[string "x"]:1: in main chunk',
    ].join('\n'),
  );
  const { own, others } = ownFirst(frames);
  expect(own.map(({ index, file, line }) => [index, file, line])).toEqual([
    [1, 'assets/scripts/app.lua', 42],
    [2, 'assets/scripts/main.lua', 7],
  ]);
  expect(others.map(({ file }) => file)).toEqual(['[C]', '/opt/mosis/lib/runtime.lua', '[string "x"]']);
  expect(ownFirst(stackFrames('no traceback at all'))).toEqual({ own: [], others: [] });
});

it('counts the last minute by second and forgets what is older', () => {
  let ticks: LiveTick[] = [];
  for (const [ago, events] of [
    [90, 100],
    [59, 5],
    [0, 7],
  ] as const)
    ticks = addTick(ticks, { atMs: NOW - ago * 1000, events, crashes: 1, versions: ['1.0.0'] });
  const minute = lastMinute(ticks, NOW);
  expect(minute).toMatchObject({ events: 12, crashes: 2, versions: ['1.0.0'] });
  expect(minute.perSecond).toHaveLength(60);
  expect([minute.perSecond[0], minute.perSecond[59]]).toEqual([5, 7]);
  expect(lastMinute(ticks, NOW + 60_000).events).toBe(0);
});

it('breaks a line where nothing was measured, and ends its scale at a round number', () => {
  expect(lineSegments([1, 2, null, 4], 4, 100)).toEqual(['M0,75.00L1,50.00', 'M3,0.00h0']);
  expect([0, 0.4, 97, 101, 567].map(roundTop)).toEqual([1, 0.4, 100, 150, 600]);
});

it('adds nothing up that cannot be: devices of several types, and events of merged days', () => {
  const series = [
    { date: '2026-03-01', type: 'app_start', count: 4, devices: 3 },
    { date: '2026-03-01', type: 'app_stop', count: 4, devices: 2 },
    { date: null, type: 'app_start', count: '9', devices: 4 },
  ];
  expect(perDayDevices(series, ['2026-03-01', '2026-03-02'], 'app_start')).toEqual([3, 0]);
  expect([mergedCount(series), mergedCount(series, 'app_stop')]).toEqual([9, 0]);
});

it('puts downloads beside health, the newest version first and what was never published last', () => {
  const health = (version: string) => ({
    version,
    activeDevices: 10,
    adoption: 0.5,
    sessions: 20,
    crashes: 1,
    crashDevices: 1,
    crashFreeDevices: null,
    crashFreeSessions: null,
  });
  const version = (versionCode: number, full: number) => ({
    id: `v${versionCode}`,
    versionCode,
    versionName: `1.${versionCode}.0`,
    state: 'PUBLISHED' as const,
    publishedAt: '2026-01-01T00:00:00Z',
    rollouts: [],
    downloads: full === 0 ? [] : [{ date: '2026-03-01', full, delta: 2, bytes: '100' }],
  });
  const rows = healthRows([health('other'), health('1.1.0')], [version(3, 0), version(2, 5), version(1, 0)]);
  expect(rows.map(({ name, full, delta, bytes }) => [name, full, delta, bytes])).toEqual([
    ['1.2.0', 5, 2, 100],
    ['1.1.0', 0, 0, 0],
    ['other', 0, 0, 0],
  ]);
});

it('reads the context of a crash for people, and nothing from what is no object', () => {
  expect(contextFacts('{"screen":"main.rml","memory_mb":45,"uptime_seconds":120,"extra":[1]}')).toEqual([
    { name: 'Screen', value: 'main.rml' },
    { name: 'Memory', value: '45 MB' },
    { name: 'After', value: '2 min' },
    { name: 'extra', value: '[1]' },
  ]);
  for (const json of [null, '', '7', '[1]', '{']) expect(contextFacts(json)).toEqual([]);
});

it('shows of one version its own totals, and none of the app where nothing is known of it', () => {
  const of = (crashes: number) => ({ activeDevices: 9, installs: 4, crashes, crashFreeDevices: 0.5 });
  const telemetry = { ...of(7), versions: [{ version: '1.0.0', ...of(2) }] };
  expect(totalsOf(telemetry, '')?.crashes).toBe(7);
  expect(totalsOf(telemetry, '1.0.0')?.crashes).toBe(2);
  expect(totalsOf(telemetry, '2.0.0')).toBeNull();
});
