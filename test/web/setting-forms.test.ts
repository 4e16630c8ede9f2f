// What the forms of the automatic pause and of package retention say that saving would change.
import { expect, it } from 'vitest';
import { guardDifferences, guardFormOf, guardInput, guardOf } from '../../web/src/routes/(admin)/admin/guard-form.ts';
import {
  retentionDifferences,
  retentionFormOf,
  retentionInput,
  retentionOf,
} from '../../web/src/routes/(admin)/admin/retention-form.ts';

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
