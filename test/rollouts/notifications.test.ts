/** Who is told of a rollout's changes: by mail what stops or ends one, by webhook everything. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMailed, outgoingData } from '../../server/notifications/event-kinds.ts';
import { eventMail } from '../../server/notifications/mail-text.ts';
import type { ROLLOUT_CHANGES } from '../../server/rollouts/changes-list.ts';
import { mailsIn } from '../notifications/mail-files.ts';
import { globalId, localId } from '../support/seed.ts';
import { createStand, type Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await createStand();
});
afterAll(() => stand.close());

const news = (change: (typeof ROLLOUT_CHANGES)[number], more: Record<string, string | number> = {}) => ({
  type: 'ROLLOUT_CHANGED' as const,
  payload: { rolloutId: 'r', track: 'STABLE', change, percent: 5, by: 'DEVELOPER', ...more },
});

describe('a mail about a rollout', () => {
  it('is sent of what stops, goes on with or ends it, not of each step, nor of the parts of a rollback', () => {
    const mailed = (change: (typeof ROLLOUT_CHANGES)[number], more = {}) =>
      isMailed(news(change, more), ['ROLLOUT_CHANGED']);
    for (const change of ['PAUSED', 'RESUMED', 'HALTED', 'ROLLED_BACK', 'COMPLETED'] as const)
      expect([change, mailed(change)]).toEqual([change, true]);
    for (const change of ['STARTED', 'RAISED', 'SCHEDULED', 'SUPERSEDED'] as const)
      expect([change, mailed(change)]).toEqual([change, false]);
    expect(mailed('HALTED', { partOf: 'ROLLED_BACK' })).toBe(false);
    expect(isMailed(news('PAUSED'), ['PUBLISHED'])).toBe(false);
  });

  it('says of each change what it is, with the reason quoted', () => {
    const about = {
      app: { name: 'Notes', packageId: 'com.example.notes' },
      version: { versionCode: 2, versionName: '1.1.0' },
      comments: [],
    };
    const event = { cursor: 'e.1', appId: 'a', versionId: 'v', actorId: null, at: new Date(0) };
    const texts = (['PAUSED', 'RESUMED', 'HALTED', 'ROLLED_BACK', 'COMPLETED'] as const).map((change) =>
      eventMail({ ...event, ...news(change, { reason: 'Login fails', toVersionCode: 1 }) }, about, 'https://m.example'),
    );
    expect(new Set(texts.map(({ subject }) => subject)).size).toBe(5);
    for (const { text } of texts) expect(text).toContain('Login fails');
    expect(texts[3]?.text).toContain('back from Notes 1.1.0 (2) to version code 1');
  });

  it('reaches the developer when the guard paused their rollout, with its reason', async () => {
    const { app, ada, published, rollout } = stand;
    await published();
    const second = await published({ percent: 5 });
    const { id } = await rollout(second);
    const reason = 'Of 400 devices 12 % crashed; of 600 with 1.2.3 it was 2 %.';
    await app.services.rollouts.pauseByGuard(localId(id), { reason, evidence: { devices: 400 } });
    await app.services.notifications.reader.catchUp();
    await app.services.jobs.idle();
    const mails = (await mailsIn(app.dataDir)).filter(({ to }) => to.includes(`<${ada.email}>`));
    const mail = mails.find(({ subject }) => subject.includes('was paused: more devices crash'));
    expect(mail?.text).toContain('12 % crashed');
  });
});

it('a webhook carries the change in words and numbers, and the id of the rollout in the API', () => {
  const { type, payload } = news('ROLLED_BACK', { fromVersionCode: 3, toVersionCode: 1, reason: 'Because' });
  expect(outgoingData({ type, payload: { ...payload, evidence: { devices: 3 } } })).toEqual({
    rolloutId: globalId('Rollout', 'r'),
    track: 'STABLE',
    change: 'ROLLED_BACK',
    percent: 5,
    by: 'DEVELOPER',
    fromVersionCode: 3,
    toVersionCode: 1,
    message: 'Because',
  });
});
