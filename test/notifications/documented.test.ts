/** What docs/API.md says of webhooks, against what a server sends. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERIFY_SAMPLE } from '../../web/src/lib/notifications/webhook-events.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer } from '../support/seed.ts';
import { type Hook, hook, type Receiver, startReceiver } from './receiver.ts';

type Verify = (secret: string, headers: Record<string, unknown>, body: string, nowSeconds?: number) => boolean;

let app: TestApp;
let ada: Developer;
let receiver: Receiver;
let mine: Hook;
let docs: string;
let sample: string;
let verify: Verify;
let folder: string;
beforeAll(async () => {
  docs = await readFile(join(import.meta.dirname, '../../docs/API.md'), 'utf8');
  sample = /```js\n(\/\/ verify-webhook\.mjs\n[\s\S]*?)```/.exec(docs)?.[1] ?? '';
  folder = await mkdtemp(join(tmpdir(), 'mosis-sample-'));
  const file = join(folder, 'verify-webhook.mjs');
  await writeFile(file, sample);
  ({ verifyWebhook: verify } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    verifyWebhook: Verify;
  });
  app = await startApp();
  ada = await createSeed(app).developer('Ada');
  receiver = await startReceiver();
  mine = await hook(ada, receiver.url);
});
afterAll(async () => {
  await receiver.close();
  await app.close();
  await rm(folder, { recursive: true });
});

it('the sample takes what the server sent, and nothing that was changed, is old, or is somebody else’s', async () => {
  await ada.done('testWebhook', { webhookId: mine.id });
  const { headers, raw } = await receiver.got();
  expect(verify(mine.secret, headers, raw)).toBe(true);
  expect(verify(mine.secret, headers, `${raw} `)).toBe(false);
  expect(verify(mine.secret, { ...headers, 'webhook-id': 'other' }, raw)).toBe(false);
  expect(verify(mine.secret, { ...headers, 'webhook-signature': 'v1,' }, raw)).toBe(false);
  expect(verify(mine.secret, {}, raw)).toBe(false);
  expect(verify(`whsec_${Buffer.alloc(32).toString('base64')}`, headers, raw)).toBe(false);
  const sent = Number(headers['webhook-timestamp']);
  expect([verify(mine.secret, headers, raw, sent + 299), verify(mine.secret, headers, raw, sent + 301)]).toEqual([
    true,
    false,
  ]);
});

it('the sample is the one that the portal shows', () => {
  expect(VERIFY_SAMPLE).toBe(sample);
});

it('the sample takes a request with two signatures for the old secret and for the new', async () => {
  const { secret } = await ada.done<{ secret: string }>('rotateWebhookSecret', { webhookId: mine.id }, 'secret');
  const seen = receiver.received.length;
  await ada.done('testWebhook', { webhookId: mine.id });
  const { headers, raw } = await receiver.got((request) => receiver.received.indexOf(request) >= seen);
  expect([verify(mine.secret, headers, raw), verify(secret, headers, raw)]).toEqual([true, true]);
});

it('every field of the payload is in the table, and the headers are those that are named', async () => {
  const { body, headers } = await receiver.got();
  for (const field of Object.keys(body)) expect(docs).toMatch(new RegExp(`^\\| .*\`${field}[\`.]`, 'm'));
  for (const name of ['Webhook-Id', 'Webhook-Timestamp', 'Webhook-Signature', 'Content-Type']) {
    expect(docs).toContain(`${name}: `);
    expect(headers).toHaveProperty(name.toLowerCase());
  }
});
