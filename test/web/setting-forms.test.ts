// What the forms of the automatic pause and of both retentions say that saving would change, and remove.
import { expect, it } from 'vitest';
import { guardDifferences, guardFormOf, guardInput, guardOf } from '../../web/src/routes/(admin)/admin/guard-form.ts';
import {
  retentionDifferences,
  retentionFormOf,
  retentionInput,
  retentionOf,
} from '../../web/src/routes/(admin)/admin/retention-form.ts';
import {
  shortened,
  telemetryDifferences,
  telemetryFormOf,
  telemetryInput,
  telemetryOf,
} from '../../web/src/routes/(admin)/admin/telemetry-retention-form.ts';

const guard = {
  enabled: true,
  minDevices: 50,
  marginPoints: 1,
  confidence: 0.99,
  watchDays: 14,
  maxDevicesPerNetwork: 5,
  distrustedNetworks: 3,
  revision: 'r1',
};
const retention = { supersededDays: null, neverPublishedDays: 90, rejectedDays: null, revision: 'r2' };
const telemetry = { rawDays: 120, aggregateDays: null, revision: 'r3' };

it('reads back the rules of the pause as they were, at each confidence that the server takes', () => {
  for (const confidence of [0.9, 0.99, 0.999, 0.9999, 0.9975]) {
    const policy = { ...guard, confidence };
    expect(guardDifferences(policy, guardOf(guardFormOf(policy)))).toEqual([]);
    expect(guardInput(policy, guardOf(guardFormOf(policy)))).toEqual({ revision: 'r1' });
  }
});

it('sends of the pause only what differs, per cent as a share, with the revision it is based on', () => {
  const after = guardOf({ ...guardFormOf(guard), enabled: false, confidencePercent: '99.9' });
  expect(guardInput(guard, after)).toEqual({ revision: 'r1', enabled: false, confidence: 0.999 });
  expect(guardDifferences(guard, after)).toEqual([
    { path: 'enabled', before: 'true', after: 'false' },
    { path: 'confidence', before: '0.99', after: '0.999' },
  ]);
});

it('keeps packages for ever by null, and never by an empty number', () => {
  const form = retentionFormOf(retention);
  expect(retentionDifferences(retention, retentionOf(form))).toEqual([]);
  form.neverPublishedDays.removed = false;
  form.supersededDays = { removed: true, days: '365' };
  expect(retentionInput(retention, retentionOf(form))).toEqual({
    revision: 'r2',
    supersededDays: 365,
    neverPublishedDays: null,
  });
  expect(retentionDifferences(retention, retentionOf(form))).toEqual([
    { path: 'supersededDays', before: null, after: '365' },
    { path: 'neverPublishedDays', before: '90', after: null },
  ]);
});

it('sends of the retention of telemetry only what differs, and null to keep counts', () => {
  const form = telemetryFormOf(telemetry);
  expect(telemetryInput(telemetry, telemetryOf(form))).toEqual({ revision: 'r3' });
  form.aggregateDays.removed = true;
  const trimmed = telemetryOf(form);
  expect(telemetryInput(telemetry, trimmed)).toEqual({ revision: 'r3', aggregateDays: 730 });
  expect(telemetryDifferences(telemetry, trimmed)).toEqual([{ path: 'aggregateDays', before: null, after: '730' }]);
  expect(telemetryInput({ ...telemetry, aggregateDays: 730 }, telemetryOf(telemetryFormOf(telemetry)))).toEqual({
    revision: 'r3',
    aggregateDays: null,
  });
});

it('warns of what fewer days remove, and of nothing where days stay or become more', () => {
  expect(shortened(telemetry, telemetry)).toEqual([]);
  expect(shortened(telemetry, { rawDays: 121, aggregateDays: null })).toEqual([]);
  expect(shortened(telemetry, { rawDays: 119, aggregateDays: 3_650 })).toEqual([
    { part: 'rawDays', days: 119 },
    { part: 'aggregateDays', days: 3_650 },
  ]);
  const kept = { rawDays: 120, aggregateDays: 730 };
  expect(shortened(kept, { rawDays: 120, aggregateDays: null })).toEqual([]);
  expect(shortened(kept, telemetryOf({ rawDays: '', aggregateDays: { removed: true, days: '' } }))).toEqual([]);
});
