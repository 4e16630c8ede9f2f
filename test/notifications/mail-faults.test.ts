/** A server that mails through a real SMTP server: refusals for now are tried again, those for good are dead with their reason. */
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed, type Developer } from '../support/seed.ts';

let app: TestApp;
let clock: TestClock;
let ada: Developer;
let refusal: { responseCode: number; message: string } | null = null;
const recipients: string[] = [];
const smtp = new SMTPServer({
  authOptional: true,
  hideSTARTTLS: true,
  closeTimeout: 100,
  onRcptTo({ address }, _session, done) {
    recipients.push(address);
    done(refusal === null ? null : Object.assign(new Error(refusal.message), refusal));
  },
  onData(stream, _session, done) {
    stream.resume();
    stream.on('end', () => done());
  },
});

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    smtp.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = smtp.server.address() as AddressInfo;
  clock = createTestClock(new Date());
  app = await startApp({ clock, env: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'mosis@example.org' } });
  ada = await createSeed(app).developer('Ada');
});
afterAll(async () => {
  await app.close();
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
});

async function jobAfter(packageId: string): Promise<{ state: string; attempt: number; last_error: string | null }> {
  const mine = await ada.app(packageId, { pinned: false });
  await app.services.work(async (unit) => unit.emit({ type: 'PUBLISHED', appId: mine.key }));
  await app.services.notifications.reader.catchUp();
  await app.services.jobs.idle();
  return lastJob();
}

function lastJob() {
  const [job] = app.rows<{ state: string; attempt: number; last_error: string | null }>(
    "SELECT state, attempt, last_error FROM jobs WHERE kind = 'send-mail' ORDER BY id DESC LIMIT 1",
  );
  if (job === undefined) throw new Error('no mail was enqueued');
  return job;
}

it('a mail is handed to the mail server once', async () => {
  expect(await jobAfter('com.example.sent')).toMatchObject({ state: 'DONE', attempt: 1 });
  expect(recipients).toEqual([ada.email]);
});

it('a mail that is refused for now waits and is tried again', async () => {
  refusal = { responseCode: 451, message: 'come back later' };
  expect(await jobAfter('com.example.greylisted')).toMatchObject({
    state: 'READY',
    attempt: 1,
    last_error: expect.stringContaining('come back later'),
  });
  refusal = null;
  clock.advance(15 * 60_000);
  app.services.jobs.wake();
  await app.services.jobs.idle();
  expect(lastJob()).toMatchObject({ state: 'DONE', attempt: 2 });
});

it('a mail that is refused for good is dead at once, and says why', async () => {
  refusal = { responseCode: 550, message: 'no such mailbox' };
  expect(await jobAfter('com.example.bounced')).toMatchObject({
    state: 'DEAD',
    attempt: 1,
    last_error: expect.stringContaining('The mail server refused it: 550 no such mailbox'),
  });
});
