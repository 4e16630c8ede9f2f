/** Webhooks through the public API: what they are sent, how it is signed, who manages them. */
import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { type AppHandle, createSeed, type Developer, localId, type Reviewer, type Seed } from '../support/seed.ts';
import { hook, type Received, type Receiver, startReceiver, until, viewHook } from './receiver.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let receiver: Receiver;
let clock: TestClock;
let packages = 0;

beforeAll(async () => {
  clock = createTestClock(new Date());
  app = await startApp({ clock });
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

/** What no mutation does yet: changes the database beside the server. */
function write(sql: string, parameters: Record<string, unknown>): void {
  const db = new Sqlite(join(app.dataDir, 'core.db'));
  db.prepare(sql).run(parameters);
  db.close();
}

function addMember(member: Developer, to: AppHandle, role: string): void {
  write('INSERT INTO app_members (app_id, developer_id, role, created_at) VALUES (@app, @developer, @role, @at)', {
    app: to.key,
    developer: localId(member.id),
    role,
    at: clock.now().toISOString(),
  });
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
      data: { track: 'STABLE', percent: 100 },
      actor: { side: 'DEVELOPER' },
    });
    for (const request of told) expect(request.headers['webhook-signature']).toBe(signatureBy(secret, request));
    const view = await until(ada, id, ({ deliveries }) => deliveries.every(({ state }) => state === 'DELIVERED'));
    expect(view.deliveries.map(({ body }) => body)).toEqual(told.map(({ raw }) => raw).reverse());
    expect(view.deliveries[0]?.attempts).toEqual([{ number: 1, status: 200, error: null, answer: 'thanks' }]);
  });
});

describe('what a webhook tells', () => {
  it('is of the events that it was made for, and of the single steps of the checks never', async () => {
    const mine = await newApp();
    const { id } = await hook(ada, receiver.url, { appId: mine.id, eventTypes: ['APPROVED', 'SUBMITTED'] });
    expect((await viewHook(ada, id))?.eventTypes).toEqual(['SUBMITTED', 'APPROVED']);
    const version = await mine.upload();
    await version.approved(rita);
    await receiver.got(({ body }) => body.type === 'APPROVED' && body.app?.id === mine.id);
    const types = receiver.received.filter(({ body }) => body.app?.id === mine.id).map(({ body }) => body.type);
    expect(types).toEqual(['SUBMITTED', 'APPROVED']);
    for (const type of ['FINDING', 'CHECK_STARTED', 'CHECK_FINISHED']) {
      const outcome = await ada.act('createWebhook', { url: receiver.url, eventTypes: [type] });
      expect(outcome).toMatchObject({ code: 'VALIDATION', fields: [{ path: 'input.eventTypes' }] });
    }
  });

  it('names no reviewer, neither by name nor by id, whatever they do', async () => {
    // A first app is looked at by a person.
    const nora = await seed.developer('Nora');
    const mine = await newApp(nora);
    await hook(nora, receiver.url, { appId: mine.id });
    const version = await mine.upload();
    expect(await version.submitted()).toBe('IN_REVIEW');
    await rita.done('commentOnVersion', { versionId: version.id, body: 'What is this for?' });
    await rita.reject(version, 'It needs a description.');
    const { body } = await receiver.got(
      (request) => request.body.type === 'REJECTED' && request.body.app?.id === mine.id,
    );
    expect(body.actor).toEqual({ side: 'REVIEWER' });
    expect(body.data).toMatchObject({ message: 'It needs a description.' });
    const all = receiver.received.filter((request) => request.body.app?.id === mine.id);
    expect(all.map((request) => request.body.type)).toEqual(expect.arrayContaining(['CLAIMED', 'COMMENTED']));
    for (const { raw } of all) {
      for (const secret of [rita.name, rita.email, rita.id, localId(rita.id), 'reviewId', 'claimId'])
        expect(raw).not.toContain(secret);
    }
  });

  it('is nothing of a look that reviewers take beside the state', async () => {
    const mine = await newApp();
    const { id } = await hook(ada, receiver.url, { appId: mine.id });
    const version = await mine.upload();
    await version.published(rita);
    const reviewId = 'sample-review-of-a-published-version';
    write(
      `INSERT INTO reviews (id, version_id, round, kind, serial, approvals_needed, state, reasons, queued_at, due_at, policy_refs)
       VALUES (@id, @version, 1, 'SAMPLE', 1, 1, 'QUEUED', '[]', @at, @at, '[]')`,
      { id: reviewId, version: version.key, at: clock.now().toISOString() },
    );
    const about = { appId: mine.key, versionId: version.key, actorId: localId(rita.id), payload: { reviewId } };
    await app.services.work(async (unit) => {
      unit.emit({ ...about, type: 'CLAIMED' });
      unit.emit({ ...about, type: 'RELEASED' });
    });
    await ada.done('unpublishVersion', { versionId: version.id });
    await receiver.got(({ body }) => body.type === 'UNPUBLISHED' && body.app?.id === mine.id);
    const view = await viewHook(ada, id);
    const since = view?.deliveries.slice(0, 2).map(({ eventType }) => eventType);
    expect(since).toEqual(['UNPUBLISHED', 'PUBLISHED']);
  });

  it('is of the apps that its owner is a member of, whatever the role, and ends with the membership', async () => {
    const mine = await newApp();
    const bob = await seed.developer('Bob');
    const eve = await seed.developer('Eve');
    addMember(bob, mine, 'VIEWER');
    const his = await hook(bob, receiver.url);
    const hers = await hook(eve, receiver.url);
    expect(await eve.act('createWebhook', { url: receiver.url, appId: mine.id })).toMatchObject({ code: 'NOT_FOUND' });

    const version = await mine.upload();
    const view = await until(bob, his.id, ({ deliveries }) => deliveries[0]?.state === 'DELIVERED');
    expect(view.deliveries.map(({ eventType }) => eventType)).toEqual(['UPLOADED']);

    write('DELETE FROM app_members WHERE developer_id = @id', { id: localId(bob.id) });
    await version.submitted();
    await app.services.notifications.reader.catchUp();
    expect((await viewHook(bob, his.id))?.deliveries).toHaveLength(1);
    expect((await viewHook(eve, hers.id))?.deliveries).toEqual([]);
  });

  it('is not sent any more, though it waits already, when the owner has left the app', async () => {
    const mine = await newApp();
    const bob = await seed.developer('Bob');
    addMember(bob, mine, 'MAINTAINER');
    const broken = await startReceiver((response) => response.writeHead(500).end());
    const his = await hook(bob, broken.url);
    await mine.upload();
    await until(bob, his.id, ({ deliveries }) => deliveries[0]?.attempts.length === 1);
    write('DELETE FROM app_members WHERE developer_id = @id', { id: localId(bob.id) });
    clock.advance(60_000);
    app.services.jobs.wake();
    const view = await until(bob, his.id, ({ deliveries }) => deliveries[0]?.state === 'FAILED');
    expect(view.deliveries[0]?.attempts[1]?.error).toBe('not sent: the account is no longer a member of the app');
    expect(view.state).toBe('ACTIVE');
    expect(broken.received).toHaveLength(1);
    await broken.close();
  });
});

describe('the secret of a webhook', () => {
  it('is shown when it is made and never again, and is not in the database', async () => {
    const { id, secret } = await hook(ada, receiver.url);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const answer = await ada.send('query($id: ID!) { node(id: $id) { ... on Webhook { url state } } }', { id });
    expect(answer.text).not.toContain(secret);
    const [row] = app.rows<{ secret_sealed: string }>('SELECT secret_sealed FROM webhooks WHERE id = ?', localId(id));
    const raw = Buffer.from(secret.slice(6), 'base64');
    expect(Buffer.from(row?.secret_sealed.slice(3) ?? '', 'base64url').includes(raw)).toBe(false);
    const key = join(app.dataDir, 'keys', 'webhooks.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(key, 'utf8'), 'base64')).toHaveLength(32);
    await ada.done('deleteWebhook', { webhookId: id });
  });

  it('changes hands over a day: requests carry two signatures, then one', async () => {
    const mine = await newApp();
    const { id, secret } = await hook(ada, receiver.url, { appId: mine.id });
    const { secret: next } = await ada.done<{ secret: string }>('rotateWebhookSecret', { webhookId: id }, 'secret');
    expect(next).not.toBe(secret);
    const test = () => ada.done<{ delivery: { id: string } }>('testWebhook', { webhookId: id }, 'delivery { id }');
    const first = await test();
    const both = await receiver.got(({ body }) => body.id === first.delivery.id);
    expect(both.headers['webhook-signature']).toBe(`${signatureBy(next, both)} ${signatureBy(secret, both)}`);
    clock.advance(24 * 3_600_000);
    const second = await test();
    const one = await receiver.got(({ body }) => body.id === second.delivery.id);
    expect(one.headers['webhook-signature']).toBe(signatureBy(next, one));
    await ada.done('deleteWebhook', { webhookId: id });
  });
});

describe('a delivery made by hand', () => {
  it('is a test of type TEST, tried once', async () => {
    const broken = await startReceiver((response) => response.writeHead(503).end('later'));
    const { id } = await hook(ada, broken.url);
    await ada.done('testWebhook', { webhookId: id });
    const view = await until(ada, id, ({ deliveries }) => deliveries[0]?.state === 'FAILED');
    expect(view.deliveries[0]).toMatchObject({
      eventType: 'TEST',
      attempts: [{ number: 1, status: 503, error: 'answered 503: only 2xx counts as delivered', answer: 'later' }],
    });
    expect(broken.received[0]?.body).toMatchObject({ type: 'TEST', app: null, version: null, cursor: null });
    await ada.done('deleteWebhook', { webhookId: id });
    await broken.close();
  });

  it('repeats the news of another under an id of its own, once for one idempotency key', async () => {
    const mine = await newApp();
    const { id } = await hook(ada, receiver.url, { appId: mine.id });
    await mine.upload();
    const told = await receiver.got(({ body }) => body.type === 'UPLOADED' && body.app?.id === mine.id);
    const replay = () =>
      ada.done<{ delivery: { id: string; replayOf: string } }>(
        'replayDelivery',
        { deliveryId: told.body.id, idempotencyKey: `again-${mine.id}` },
        'delivery { id replayOf }',
      );
    const [one, two] = [await replay(), await replay()];
    expect(one.delivery).toEqual(two.delivery);
    expect(one.delivery.replayOf).toBe(told.body.id);
    const again = await receiver.got(({ body }) => body.id === one.delivery.id);
    expect(again.body).toEqual({ ...told.body, id: one.delivery.id, replayOf: told.body.id });
    expect((await viewHook(ada, id))?.deliveries).toHaveLength(2);
  });

  it('is bounded: 30 in a minute', async () => {
    const { id } = await hook(ada, receiver.url);
    const outcomes = [];
    for (let count = 0; count < 31; count += 1) outcomes.push((await ada.act('testWebhook', { webhookId: id })).code);
    expect(outcomes.filter((code) => code === undefined)).toHaveLength(30);
    expect(outcomes.at(-1)).toBe('RATE_LIMITED');
    await ada.done('deleteWebhook', { webhookId: id });
  });
});

describe('webhooks', () => {
  it('are their owner’s: for others they do not exist, and no API key manages them', async () => {
    const { id } = await hook(ada, receiver.url);
    await ada.done('testWebhook', { webhookId: id });
    const view = await until(ada, id, ({ deliveries }) => deliveries[0]?.state === 'DELIVERED');
    const deliveryId = view.deliveries[0]?.id ?? '';
    const key = app.client().as(await ada.apiKey(['APPS_READ', 'APPS_WRITE']));
    const eve = await seed.developer('Eve');
    const grace = await seed.admin();
    const node = 'query($id: ID!) { node(id: $id) { id } }';
    for (const stranger of [eve, grace, rita, key, app.client()]) {
      for (const seen of [id, deliveryId]) expect(await stranger.query(node, { id: seen })).toEqual({ node: null });
    }
    const acts: [string, Record<string, unknown>][] = [
      ['updateWebhook', { webhookId: id, paused: true }],
      ['rotateWebhookSecret', { webhookId: id }],
      ['deleteWebhook', { webhookId: id }],
      ['testWebhook', { webhookId: id }],
      ['replayDelivery', { deliveryId }],
    ];
    for (const [name, input] of acts) {
      expect([name, (await eve.act(name, input)).code]).toEqual([name, 'NOT_FOUND']);
      expect([name, (await key.act(name, input)).code]).toEqual([name, 'FORBIDDEN']);
      expect([name, (await app.client().act(name, input)).code]).toEqual([name, 'UNAUTHENTICATED']);
    }
    expect((await key.act('createWebhook', { url: receiver.url })).code).toBe('FORBIDDEN');
    expect((await key.act('setMailEvents', { eventTypes: [] })).code).toBe('FORBIDDEN');
    expect((await key.send('{ viewer { webhooks { id } } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(await ada.query('{ viewer { webhooks { id } } }')).toMatchObject({
      viewer: { webhooks: expect.arrayContaining([{ id }]) },
    });
  });

  it('can be paused, which gives up what waits, and resumed', async () => {
    const mine = await newApp();
    const { id } = await hook(ada, receiver.url, { appId: mine.id });
    await ada.done('updateWebhook', { webhookId: id, paused: true });
    expect((await ada.act('testWebhook', { webhookId: id })).code).toBe('STATE_CONFLICT');
    const version = await mine.upload();
    await app.services.notifications.reader.catchUp();
    expect(await viewHook(ada, id)).toMatchObject({ state: 'PAUSED', deliveries: [] });
    await ada.done('updateWebhook', { webhookId: id, paused: false, eventTypes: ['SUBMITTED'] });
    await version.submitted();
    await receiver.got(({ body }) => body.type === 'SUBMITTED' && body.app?.id === mine.id);
    expect((await viewHook(ada, id))?.state).toBe('ACTIVE');
  });

  it('have a URL that is checked when they are made and when they change', async () => {
    const { id } = await hook(ada, receiver.url);
    for (const url of [
      'ftp://example.org',
      'http://10.0.0.1/',
      'https://user@example.org/',
      'https://example.org:22/',
    ]) {
      const problem = { code: 'VALIDATION', fields: [{ path: 'input.url' }] };
      expect(await ada.act('createWebhook', { url })).toMatchObject(problem);
      expect(await ada.act('updateWebhook', { webhookId: id, url })).toMatchObject(problem);
    }
    await ada.done('updateWebhook', { webhookId: id, url: 'https://hooks.example.org' });
    expect((await viewHook(ada, id))?.url).toBe('https://hooks.example.org/');
  });

  it('are ten for an account, and leave their acts in the audit log', async () => {
    const max = await seed.developer('Max');
    const made = [];
    for (let count = 0; count < 10; count += 1) made.push(await hook(max, receiver.url));
    expect((await max.act('createWebhook', { url: receiver.url })).code).toBe('LIMIT_REACHED');
    const webhookId = made[0]?.id ?? '';
    await max.done('rotateWebhookSecret', { webhookId });
    await max.done('updateWebhook', { webhookId, eventTypes: ['APPROVED'] });
    const test = await max.done<{ delivery: { id: string } }>('testWebhook', { webhookId }, 'delivery { id }');
    await max.done('replayDelivery', { deliveryId: test.delivery.id });
    await max.done('deleteWebhook', { webhookId });
    await hook(max, receiver.url);
    const acts = app.rows<{ action: string }>(
      "SELECT action FROM audit_logs WHERE resource_id = ? AND resource_type = 'webhook' ORDER BY id",
      localId(webhookId),
    );
    const names = ['create', 'rotate', 'update', 'test', 'replay', 'delete'].map((act) => `webhook.${act}`);
    expect(acts.map(({ action }) => action)).toEqual(names);
    const said = app.rows<{ details: string }>("SELECT details FROM audit_logs WHERE resource_type = 'webhook'");
    // A path can be a secret of the receiver, as the secret itself is ours.
    for (const { details } of said) expect(details).not.toMatch(/whsec_|\/hook/);
  });
});
