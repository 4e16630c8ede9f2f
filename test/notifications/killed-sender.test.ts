/** A server that is killed while it sends: every delivery arrives, under one id however often, and is told of once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { loadSeal } from '../../server/notifications/seal.ts';
import { newWebhookSecret } from '../../server/notifications/signing.ts';
import { createTestDatabase } from '../support/database.ts';
import { populate, WEBHOOK_IDS } from './reader-stand.ts';
import { startReceiver } from './receiver.ts';

it('loses no delivery and gives none a second id, however often it is killed', async () => {
  const test = await createTestDatabase();
  const keysDir = await mkdtemp(join(tmpdir(), 'mosis-keys-'));
  const receiver = await startReceiver();
  const seal = await loadSeal(keysDir);
  await test.db.transaction(async (tx) => {
    await populate(tx, new Date());
    for (const id of WEBHOOK_IDS) {
      const current = newWebhookSecret((size) => Buffer.alloc(size, id));
      const secretSealed = seal.close(id, { current, previous: null });
      await tx.webhook.update({ where: { id }, data: { url: receiver.url, secretSealed } });
    }
  });
  await test.db.close();
  const start = (makes: 'yes' | 'no') =>
    spawn(process.execPath, [join(import.meta.dirname, 'killed-sender.ts'), test.path, keysDir, makes], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const kill = async (child: ChildProcess) => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };

  for (const more of [1, 5, 2, 9]) {
    const wanted = receiver.received.length + more;
    const child = start('yes');
    await receiver.got(() => receiver.received.length >= wanted);
    await kill(child);
  }

  const last = start('no');
  const db = new Sqlite(test.path, { readonly: true });
  const pending = db.prepare("SELECT count(*) FROM webhook_deliveries WHERE state = 'PENDING'").pluck();
  const behind = db
    .prepare("SELECT (SELECT n FROM event_head) - (SELECT n FROM event_readers WHERE name = 'notifications')")
    .pluck();
  for (let tries = 0; tries < 400 && (pending.get() !== 0 || behind.get() !== 0); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await kill(last);

  const events = db.prepare('SELECT count(*) FROM events').pluck().get();
  const deliveries = db.prepare('SELECT body, state FROM webhook_deliveries').all() as {
    body: string;
    state: string;
  }[];
  expect(deliveries.map(({ state }) => state)).toEqual(deliveries.map(() => 'DELIVERED'));
  expect(deliveries).toHaveLength(Number(events) * WEBHOOK_IDS.length);
  const sent = new Set(receiver.received.map(({ raw }) => raw));
  expect([...sent].toSorted()).toEqual(deliveries.map(({ body }) => body).toSorted());
  expect(new Set(receiver.received.map(({ body }) => body.id)).size).toBe(deliveries.length);
  db.close();
  await receiver.close();
  await rm(test.folder, { recursive: true });
  await rm(keysDir, { recursive: true });
}, 120_000);
