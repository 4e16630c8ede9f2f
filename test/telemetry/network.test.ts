import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { networkHash, networkOf } from '../../server/telemetry/network.ts';
import { openPartition } from '../../server/telemetry/partition.ts';
import { batch, crash, createStand, deviceId, type Stand } from './stand.ts';

const secret = { keys: [new Uint8Array(32).fill(7)] };

let stand: Stand | null = null;
afterEach(async () => {
  await stand?.close();
  stand = null;
});

function networksIn(dir: string): number[] {
  const db = new Database(join(dir, 'telemetry', '2026-01.db'), { readonly: true });
  const rows = db.prepare<[], { network: number }>('SELECT network FROM batches ORDER BY id').all();
  db.close();
  return rows.map(({ network }) => network);
}

it('takes the /24 of an IPv4 address and the /48 of an IPv6 one, however they are written', () => {
  expect(networkOf('203.0.113.9')).toBe('203.0.113');
  expect(networkOf('::ffff:203.0.113.200')).toBe('203.0.113');
  expect(networkOf('::ffff:cb00:7109')).toBe('203.0.113');
  expect(networkOf('2001:db8:7:1::1')).toBe('2001:db8:7');
  expect(networkOf('2001:0DB8:0007:ffff::')).toBe('2001:db8:7');
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0');
  expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0');
  expect(networkOf('64:ff9b::203.0.113.9')).toBe('64:ff9b:0');
  for (const nothing of ['', 'unknown', '203.0.113', '1.2.3.4.5', '2001:db8::1::2', '203.0.113.9:80'])
    expect(networkOf(nothing)).toBeNull();
});

it('hashes a network into 32 bits, apart for each app and secret, and never to 0', () => {
  const hash = networkHash(secret, 'app', '203.0.113.9');
  expect(hash).toBe(networkHash(secret, 'app', '203.0.113.77'));
  expect(hash).not.toBe(networkHash(secret, 'app', '203.0.114.9'));
  expect(hash).not.toBe(networkHash(secret, 'other', '203.0.113.9'));
  expect(hash).not.toBe(networkHash({ keys: [new Uint8Array(32).fill(8)] }, 'app', '203.0.113.9'));
  expect(Number.isInteger(hash) && hash > 0 && hash <= 0xffffffff).toBe(true);
  expect(networkHash(secret, 'app', 'unknown')).toBe(0);
});

it('stores the sender’s network with batches and crash reports', async () => {
  stand = await createStand();
  await stand.post('events', batch(1));
  await stand.post('crash', crash({ device_id: deviceId(2) }));
  // The same caller, told apart by nothing but the app.
  const [first = 0, ...others] = networksIn(stand.dir);
  expect(first).toBeGreaterThan(0);
  expect(others).toEqual([first]);
});

it('adds the column to a file of an earlier release, where networks are unknown', async () => {
  stand = await createStand();
  await stand.post('events', batch(1));
  await stand.telemetry.stop();
  const path = join(stand.dir, 'telemetry', '2026-01.db');
  const db = new Database(path);
  db.exec('ALTER TABLE batches DROP COLUMN network');
  db.close();
  openPartition(path, { event: 0, batch: 0 }).close();
  expect(networksIn(stand.dir)).toEqual([0]);
});
