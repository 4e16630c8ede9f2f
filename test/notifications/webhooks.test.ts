/** Webhooks through the public API: what they are sent, how it is signed, who manages them. */
import { createHmac } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type AppHandle, createSeed, type Developer, type Reviewer, type Seed } from '../support/seed.ts';
import { hook, type Received, type Receiver, startReceiver, until, viewHook } from './receiver.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let receiver: Receiver;
let packages = 0;

beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await app.close();
});

function newApp(owner: Developer = ada): Promise<AppHandle> {
  packages += 1;
  return owner.app(`com.example.hooks${packages}`);
}

function signatureBy(secret: string, request: Received): string {
  const { 'webhook-id': id, 'webhook-timestamp': time } = request.headers;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${time}.${request.raw}`).digest('base64')}`;
}

describe('a webhook', () => {
  it('is sent what happens to a version, in order, with the ids of the API, signed', async () => {
    const mine = await newApp();
    const { id, secret } = await hook(ada, receiver.url, { appId: mine.id });
    const version = await mine.upload();
    await version.published(rita);
    const last = await receiver.got(({ body }) => body.type === 'PUBLISHED' && body.app?.id === mine.id);

    const told = receiver.received.filter(({ body }) => body.app?.id === mine.id);
    const types = told.map(({ body }) => body.type);
    const log = (await version.events()).filter((type) => !/^(CHECK_|FINDING)/.test(type));
    expect(types).toEqual(log);
    expect(last.body).toEqual({
      id: last.headers['webhook-id'],
      payloadVersion: 1,
      type: 'PUBLISHED',
      cursor: expect.stringMatching(/^[0-9a-f]{16}\.\d+$/),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      replayOf: null,
      app: { id: mine.id, packageId: mine.packageId, name: `App ${mine.packageId}` },
      version: { id: version.id, versionCode: 1, versionName: expect.any(String), state: 'PUBLISHED' },
      data: {},
      actor: { side: 'DEVELOPER' },
    });
    for (const request of told) expect(request.headers['webhook-signature']).toBe(signatureBy(secret, request));
    const view = await until(ada, id, ({ deliveries }) => deliveries.every(({ state }) => state === 'DELIVERED'));
    expect(view.deliveries.map(({ body }) => body)).toEqual(told.map(({ raw }) => raw).reverse());
    expect(view.deliveries[0]?.attempts).toEqual([{ number: 1, status: 200, error: null, answer: 'thanks' }]);
  });
});
