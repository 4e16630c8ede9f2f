/** Who is mailed about what, in which words, and what becomes of a mail that cannot be sent. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventRecord, EventType, JsonObject } from '../../server/events/types.ts';
import { isMailed, MAIL_EVENT_TYPES, mailChoices } from '../../server/notifications/event-kinds.ts';
import { eventMail } from '../../server/notifications/mail-text.ts';
import { COMMENT_WAIT_MS, MAX_MAILS_AN_HOUR } from '../../server/notifications/mails.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed, type Developer, localId, type Person, type Reviewer, type Seed } from '../support/seed.ts';
import { mailsIn, type ReadMail } from './mail-files.ts';

let app: TestApp;
let clock: TestClock;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
beforeAll(async () => {
  clock = createTestClock(new Date());
  app = await startApp({ clock });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
});
afterAll(() => app.close());

function addMember(member: Person, appId: string, role: string): void {
  const db = new Sqlite(join(app.dataDir, 'core.db'));
  db.prepare('INSERT INTO app_members (app_id, developer_id, role, created_at) VALUES (?, ?, ?, ?)').run(
    appId,
    localId(member.id),
    role,
    clock.now().toISOString(),
  );
  db.close();
}

/** Mails to the person that were sent once all that waits is done. */
async function mailsTo(person: Person): Promise<ReadMail[]> {
  await app.services.notifications.reader.catchUp();
  await app.services.jobs.idle();
  return (await mailsIn(app.dataDir)).filter(({ to }) => to.includes(`<${person.email}>`));
}

async function emit(
  appId: string,
  type: EventType,
  more: { actorId?: string; payload?: JsonObject } = {},
): Promise<void> {
  await app.services.work(async (unit) => unit.emit({ type, appId, ...more }));
}

describe('a mail', () => {
  it('tells of a decision in plain words, with the way to the version', async () => {
    const mine = await ada.app('com.example.decided');
    const version = await mine.upload({ version: '1.2.0' });
    await version.submitted();
    await rita.reject(version, 'The icon <b>shows</b>\nanother product.');
    const mails = await mailsTo(ada);
    expect(mails.map(({ subject }) => subject)).toEqual(['App com.example.decided 1.2.0 (1) was rejected']);
    const [mail] = mails;
    expect(mail?.text).toContain('> The icon <b>shows</b>\n> another product.');
    expect(mail?.html).toContain('The icon &lt;b&gt;shows&lt;/b&gt;');
    const link = `${app.url}/apps/com.example.decided/versions/1`;
    expect(mail?.text).toContain(link);
    expect(mail?.html).toContain(`href="${link}"`);
    expect(mail?.headers).toContain(`List-Unsubscribe: <${app.url}/settings/notifications>`);
    for (const secret of [rita.name, rita.email, localId(rita.id)])
      expect(`${mail?.text}${mail?.html}`).not.toContain(secret);
  });

  it('goes to those who act on the app and chose it, and never to who did it', async () => {
    const mine = await ada.app('com.example.team', { pinned: false });
    const [bob, cleo, dan] = [await seed.developer('Bob'), await seed.developer('Cleo'), await seed.developer('Dan')];
    addMember(bob, mine.key, 'MAINTAINER');
    addMember(cleo, mine.key, 'VIEWER');
    addMember(dan, mine.key, 'OWNER');
    await dan.done('setMailEvents', { eventTypes: ['UNPUBLISHED'] });
    const before = (await mailsTo(ada)).length;
    await emit(mine.key, 'PUBLISHED', { actorId: localId(ada.id) });
    await emit(mine.key, 'UNPUBLISHED', { actorId: localId(ada.id) });
    expect(await mailsTo(ada)).toHaveLength(before);
    expect((await mailsTo(bob)).map(({ subject }) => subject)).toEqual(['App com.example.team was published']);
    expect(await mailsTo(cleo)).toEqual([]);
    expect((await mailsTo(dan)).map(({ subject }) => subject)).toEqual([
      'App com.example.team was taken out of the store',
    ]);
  });

  it('is one for what the checks reject, however many things they found', async () => {
    const eve = await seed.developer('Eve');
    const mine = await eve.app('com.example.checks', { pinned: false });
    await app.services.work(async (unit) => {
      for (let count = 0; count < 50; count += 1) unit.emit({ type: 'FINDING', appId: mine.key });
      unit.emit({ type: 'CHECKS_FAILED', appId: mine.key, payload: { errors: 50, warnings: 1 } });
      unit.emit({ type: 'REJECTED', appId: mine.key, payload: { by: 'CHECKS', feedback: '50 errors' } });
    });
    const mails = await mailsTo(eve);
    expect(mails.map(({ subject }) => subject)).toEqual(['App com.example.checks did not pass the checks']);
    expect(mails[0]?.text).toContain('Found: 50 errors, 1 warning.');
  });

  it('gathers what a reviewer writes within three minutes, and leaves out what members write', async () => {
    const finn = await seed.developer('Finn');
    const mine = await finn.app('com.example.comments');
    const version = await mine.upload();
    await version.submitted();
    clock.advance(COMMENT_WAIT_MS - (clock.ms() % COMMENT_WAIT_MS));
    for (const body of ['First thing.', 'Second thing.', 'Third <thing>.']) {
      await rita.done('commentOnVersion', { versionId: version.id, body });
    }
    await finn.done('commentOnVersion', { versionId: version.id, body: 'My answer.' });
    expect(await mailsTo(finn)).toEqual([]);
    clock.advance(COMMENT_WAIT_MS);
    const mails = await mailsTo(finn);
    expect(mails).toHaveLength(1);
    expect(mails[0]?.subject).toMatch(/^A reviewer wrote about App com\.example\.comments/);
    expect(mails[0]?.text).toContain('> First thing.\n\n> Second thing.\n\n> Third <thing>.');
    expect(mails[0]?.text).not.toContain('My answer.');
  });

  it('is not sent where its reader has left the app, or chose otherwise, before it went out', async () => {
    const [gil, hal] = [await seed.developer('Gil'), await seed.developer('Hal')];
    const mine = await ada.app('com.example.left');
    addMember(gil, mine.key, 'OWNER');
    addMember(hal, mine.key, 'OWNER');
    await app.services.jobs.stop();
    await emit(mine.key, 'SUSPENDED', { payload: { reason: 'Spam.' } });
    await app.services.notifications.reader.catchUp();
    const db = new Sqlite(join(app.dataDir, 'core.db'));
    db.prepare('DELETE FROM app_members WHERE developer_id = ?').run(localId(gil.id));
    db.close();
    await hal.done('setMailEvents', { eventTypes: [] });
    await app.services.jobs.start({ alone: true });
    expect([await mailsTo(gil), await mailsTo(hal)]).toEqual([[], []]);
    expect((await mailsTo(ada)).at(-1)?.subject).toBe('App com.example.left was suspended');
  });

  it('that waited when the log was replaced is old news, and is not sent', async () => {
    const kim = await seed.developer('Kim');
    const mine = await kim.app('com.example.restored', { pinned: false });
    await app.services.jobs.stop();
    await emit(mine.key, 'PUBLISHED');
    await app.services.notifications.reader.catchUp();
    await app.services.work(({ tx }) => app.services.events.renewEpoch(tx));
    await app.services.jobs.start({ alone: true });
    expect(await mailsTo(kim)).toEqual([]);
    await emit(mine.key, 'SUSPENDED', { payload: { reason: 'Spam.' } });
    expect((await mailsTo(kim)).map(({ subject }) => subject)).toEqual(['App com.example.restored was suspended']);
  });

  it('is one of sixty in an hour at most', async () => {
    const ida = await seed.developer('Ida');
    const mine = await ida.app('com.example.storm', { pinned: false });
    await app.services.work(async (unit) => {
      for (let count = 0; count < MAX_MAILS_AN_HOUR * 2; count += 1) unit.emit({ type: 'PUBLISHED', appId: mine.key });
    });
    expect(await mailsTo(ida)).toHaveLength(MAX_MAILS_AN_HOUR);
    clock.advance(3_600_001);
    await emit(mine.key, 'PUBLISHED');
    expect(await mailsTo(ida)).toHaveLength(MAX_MAILS_AN_HOUR + 1);
  });
});

describe('the choice of mails', () => {
  it('is the default until somebody chooses, and knows what can be chosen', async () => {
    const june = await seed.developer('June');
    const query = '{ viewer { mailEvents mailEventChoices } }';
    expect(await june.query(query)).toEqual({
      viewer: {
        mailEvents: [
          'CHECKS_FAILED',
          'COMMENTED',
          'APPROVED',
          'REJECTED',
          'PUBLISHED',
          'ROLLOUT_CHANGED',
          'CRASH_REGRESSED',
          'SUSPENDED',
          'REINSTATED',
        ],
        mailEventChoices: [...MAIL_EVENT_TYPES],
      },
    });
    await june.done('setMailEvents', { eventTypes: ['REJECTED', 'APPROVED'] }, 'viewer { mailEvents }');
    expect(await june.query('{ viewer { mailEvents } }')).toEqual({ viewer: { mailEvents: ['APPROVED', 'REJECTED'] } });
    await june.done('setMailEvents', { eventTypes: [] });
    expect(await june.query('{ viewer { mailEvents } }')).toEqual({ viewer: { mailEvents: [] } });
    expect(await june.act('setMailEvents', { eventTypes: ['FINDING'] })).toMatchObject({ code: 'VALIDATION' });
  });

  it('of REJECTED alone counts for what the checks reject too', () => {
    const byChecks = { type: 'REJECTED', payload: { by: 'CHECKS' } } as const;
    expect(isMailed(byChecks, ['REJECTED'])).toBe(true);
    expect(isMailed(byChecks, ['REJECTED', 'CHECKS_FAILED'])).toBe(false);
    expect(isMailed({ type: 'REJECTED', payload: { by: 'REVIEWER' } }, ['REJECTED', 'CHECKS_FAILED'])).toBe(true);
  });

  it('that is stored with a type that no longer exists leaves that out', () => {
    expect(mailChoices(['REJECTED', 'FORMER'])).toEqual(['REJECTED']);
  });
});

describe('the words of a mail', () => {
  const event = (type: EventType, payload: JsonObject = {}): EventRecord => ({
    cursor: '0123456789abcdef.1',
    type,
    appId: 'a',
    versionId: 'v',
    actorId: null,
    payload,
    at: new Date(),
  });
  const about = {
    app: { name: '<script>alert(1)</script> & "Co"', packageId: 'com.example.app' },
    version: { versionCode: 7, versionName: "1.0'x" },
    comments: [],
  };

  it('exist for every choice, and show names as text', () => {
    for (const type of MAIL_EVENT_TYPES) {
      const { subject, text, html } = eventMail(event(type), about, 'https://apps.example.org');
      expect(subject).toContain('<script>alert(1)</script> & "Co" 1.0\'x (7)');
      expect(html).not.toContain('<script>');
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Co&quot;');
      expect(text).toContain('https://apps.example.org/apps/com.example.app/versions/7');
      expect(`${subject}${text}`).not.toMatch(/!|successfully|sorry/i);
    }
  });

  it('are bounded, whatever somebody wrote', () => {
    const payload = { feedback: 'x'.repeat(100_000) };
    const mail = eventMail(
      event('REJECTED', payload),
      { ...about, app: { ...about.app, name: 'n'.repeat(5_000) } },
      'https://a',
    );
    expect(mail.text.length).toBeLessThan(3_000);
    expect(mail.html.length).toBeLessThan(4_000);
  });
});
