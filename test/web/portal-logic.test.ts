// Small decisions of the portal that a page relies on.
import { CombinedError } from '@urql/core';
import { expect, it } from 'vitest';
import { cursorOf } from '../../web/src/lib/graphql/cursor.ts';
import { namesNothing, problemOf } from '../../web/src/lib/graphql/errors.ts';
import { sparklinePath } from '../../web/src/lib/ui/sparkline.ts';
import { needOf } from '../../web/src/lib/versions/need.ts';
import { versionPath } from '../../web/src/lib/versions/paths.ts';
import { stepsOf } from '../../web/src/lib/versions/state.ts';
import { perDay, perType } from '../../web/src/lib/versions/telemetry.ts';

it('resumes a subscription from the cursor of the last event', () => {
  expect(cursorOf({ versionEvents: { cursor: 'e1.7' } })).toBe('e1.7');
  expect(cursorOf({ versionEvents: null })).toBeNull();
  expect(cursorOf(undefined)).toBeNull();
});

it('reads a payload as no problem and the fields of a refused input by their own names', () => {
  expect(problemOf({ __typename: 'CreateAppPayload', app: {} })).toBeNull();
  expect(
    problemOf({
      __typename: 'ValidationError',
      code: 'VALIDATION',
      message: 'Check the fields.',
      fields: [
        { path: 'input.packageId', message: 'too short' },
        { path: 'input.packageId', message: 'second' },
      ],
    }),
  ).toEqual({ code: 'VALIDATION', message: 'Check the fields.', fields: { packageId: 'too short' } });
});

it('never takes an answer without a type name for success', () => {
  expect(problemOf(undefined)?.code).toBe('INTERNAL');
  expect(problemOf({})?.code).toBe('INTERNAL');
});

it('takes a refused id for nothing there, and a document that the server does not understand for a failure', () => {
  const refused = (code: string, path?: readonly string[]) =>
    new CombinedError({
      graphQLErrors: [{ message: 'Invalid global ID: x', extensions: { code }, ...(path && { path }) }],
    });
  expect(namesNothing(refused('BAD_REQUEST', ['node']))).toBe(true);
  expect(namesNothing(refused('BAD_REQUEST'))).toBe(false);
  expect(namesNothing(refused('BAD_REQUEST', ['node', 'flags']))).toBe(false);
  expect(namesNothing(refused('INTERNAL', ['node']))).toBe(false);
  expect(namesNothing(new CombinedError({ networkError: new Error('offline') }))).toBe(false);
  expect(namesNothing(undefined)).toBe(false);
});

it('shows where a refused version stopped: at the checks, or at the review when a person was asked', () => {
  const course = { submitted: true, reviewed: false, checksFailed: true } as const;
  expect(stepsOf({ ...course, state: 'REJECTED' })).toMatchObject({ checks: 'stopped', review: 'waiting' });
  expect(stepsOf({ ...course, state: 'REJECTED', reviewed: true, checksFailed: false })).toMatchObject({
    checks: 'done',
    review: 'stopped',
  });
  expect(stepsOf({ ...course, state: 'SUBMITTED', checksFailed: false }).checks).toBe('now');
});

it('never shows checks that found errors as passed, also after an appeal', () => {
  const course = { submitted: true, reviewed: true, checksFailed: true } as const;
  for (const state of ['IN_REVIEW', 'APPROVED', 'PUBLISHED', 'REJECTED', 'WITHDRAWN'] as const)
    expect(stepsOf({ ...course, state }).checks).toBe('contested');
});

it('asks the developer for something only where there is something to do', () => {
  expect(needOf(undefined)).toBe('NONE');
  expect(needOf('APPROVED')).toBe('APPROVED');
  expect(needOf('PUBLISHED')).toBeNull();
});

it('names submitted versions by code and drafts by id', () => {
  const draft = { id: 'd=', versionCode: 4, state: 'DRAFT' } as const;
  const sent = { id: 's=', versionCode: 4, state: 'IN_REVIEW' } as const;
  expect(versionPath('com.example.a', draft)).toBe('/apps/com.example.a/versions/d%3D');
  expect(versionPath('com.example.a', sent)).toBe('/apps/com.example.a/versions/4');
});

it('sums counts by day, of one type where one is asked for', () => {
  const series = [
    { date: '2026-03-01', type: 'app_install', count: 2 },
    { date: '2026-03-01', type: 'app_start', count: '40' },
    { date: '2026-03-03', type: 'app_install', count: 1 },
  ];
  const days = ['2026-03-01', '2026-03-02', '2026-03-03'];
  expect(perDay(series, days)).toEqual([42, 0, 1]);
  expect(perDay(series, days, 'app_install')).toEqual([2, 0, 1]);
});

it('draws no line for nothing', () => {
  expect(sparklinePath([0, 0, 0], 100, 20)).toBeNull();
  expect(sparklinePath([5], 100, 20)).toBeNull();
  expect(sparklinePath([0, 10], 100, 20)?.line).toBe('M0.0,19.0L100.0,2.0');
});

it('sums counts by type, the greatest first', () => {
  const series = [
    { date: '2026-03-01', type: 'app_install', count: 2 },
    { date: '2026-03-02', type: 'app_start', count: '40' },
    { date: '2026-03-03', type: 'app_install', count: 1 },
  ];
  expect(perType(series)).toEqual([
    { type: 'app_start', count: 40 },
    { type: 'app_install', count: 3 },
  ]);
});
