// What never counted is told: a device's wrong clock is corrected, and dropped and rejected events are counted by reason.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clockShiftMs } from '../../server/telemetry/clock-skew.ts';
import { openPartition } from '../../server/telemetry/partition.ts';
import { APP, batch, crash, createStand, type Stand, TODAY } from './stand.ts';

const DAYS = { from: '2026-01-10', to: '2026-01-20' };
let stand: Stand;
beforeEach(async () => {
  stand = await createStand();
});
afterEach(() => stand.close());

async function days(): Promise<(string | null)[]> {
  await stand.telemetry.flush();
  return (await stand.telemetry.series(APP.id, DAYS, 'DAY')).map(({ date }) => date);
}

async function lost() {
  await stand.telemetry.flush();
  return stand.telemetry.lost(APP.id, TODAY);
}

describe('a wrong clock', () => {
  it.each([
    ['a minute is the way, not the clock', 60_000, 0],
    ['over a minute', 60_001, 60_001],
    ['behind by half a day', 43_200_000, 43_200_000],
    ['ahead by half a day', -43_200_000, -43_200_000],
    ['by a whole day', 86_400_000, 86_400_000],
    ['by more than a day is not believed', 86_400_001, 0],
    ['no time at all', Number.NaN, 0],
  ])('%s', (_name, skewMs, shiftMs) => {
    const receivedAtMs = Date.parse('2026-01-15T12:00:00Z');
    expect(clockShiftMs(receivedAtMs - skewMs, receivedAtMs)).toBe(shiftMs);
  });

  it('moves events to when they happened: 12 hours ahead would be refused, 12 hours behind be another day', async () => {
    const ahead = { sent_at: '2026-01-16T00:00:00Z', events: [{ type: 'app_start', at: '2026-01-15T23:59:00Z' }] };
    expect((await stand.post('events', batch(1, ahead))).body).toEqual({ accepted: 1, rejected: [] });
    const behind = { sent_at: '2026-01-15T00:00:00Z', events: [{ type: 'app_start', at: '2026-01-14T23:59:00Z' }] };
    expect((await stand.post('events', batch(2, behind))).body).toEqual({ accepted: 1, rejected: [] });
    expect(await days()).toEqual(['2026-01-15']);
  });

  it('leaves events alone when the stamp is off by over a day, which judges them by their own time', async () => {
    const wild = { sent_at: '2026-01-25T12:00:00Z', events: [{ type: 'app_start', at: '2026-01-25T11:59:00Z' }] };
    expect((await stand.post('events', batch(1, wild))).body).toMatchObject({
      accepted: 0,
      rejected: [{ reason: 'IN_FUTURE' }],
    });
    const stamped = { sent_at: '2026-01-01T00:00:00Z', events: [{ type: 'app_start', at: '2026-01-14T11:59:00Z' }] };
    await stand.post('events', batch(2, stamped));
    expect(await days()).toEqual(['2026-01-14']);
  });

  it('moves a crash that says when it was sent, and knows it again when it is sent later', async () => {
    const late = { timestamp: '2026-01-15T22:30:00Z' };
    expect((await stand.post('crash', crash(late))).status).toBe(400);
    expect((await stand.post('crash', crash({ ...late, sent_at: '2026-01-16T00:00:00Z' }))).status).toBe(202);
    stand.clock.advance(3_600_000);
    expect((await stand.post('crash', crash({ ...late, sent_at: '2026-01-16T01:00:05Z' }))).status).toBe(202);
    await stand.telemetry.flush();
    const { groups } = stand.telemetry.crashGroups(APP.id, { first: 10, after: null });
    expect(groups).toMatchObject([{ count: 1, lastSeenMs: Date.parse('2026-01-15T10:30:00Z') }]);
  });
});

describe('lost events', () => {
  const mixed = {
    dropped: { queue_full: 700, too_old: 3 },
    events: [{ type: 'app_start', at: '2026-01-15T11:59:00Z' }, { type: 'nonsense', at: '2026-01-15T11:59:00Z' }, 5, 6],
  };

  it('are counted by reason: what devices dropped, and what was rejected here', async () => {
    await stand.post('events', batch(1, mixed));
    await stand.post('events', batch(2, { dropped: { queue_full: 1 } }));
    expect(await lost()).toEqual({
      dropped: [
        { reason: 'queue_full', count: 701 },
        { reason: 'too_old', count: 3 },
      ],
      rejected: [
        { reason: 'MALFORMED', count: 2 },
        { reason: 'TYPE_UNKNOWN', count: 1 },
      ],
    });
  });

  it('count once when the batch is repeated, and when a batch has nothing that counts', async () => {
    const nothing = batch(1, { dropped: { damaged: 2 }, events: [7] });
    for (let i = 0; i < 3; i += 1) await stand.post('events', nothing);
    expect(await lost()).toEqual({
      dropped: [{ reason: 'damaged', count: 2 }],
      rejected: [{ reason: 'MALFORMED', count: 1 }],
    });
  });

  it('are counted again from the raw rows when the aggregates are lost, and once when they are not', async () => {
    await stand.post('events', batch(1, mixed));
    await stand.post('events', batch(2, { dropped: { refused: 4 }, events: [7] }));
    const before = await lost();
    await stand.restart();
    expect(await lost()).toEqual(before);
    await stand.telemetry.stop();
    for (const end of ['', '-wal', '-shm']) {
      rmSync(join(stand.dir, 'telemetry', `aggregates.db${end}`), { force: true });
    }
    await stand.telemetry.start();
    expect(await lost()).toEqual(before);
  });

  it.each([
    ['a reason that does not exist', { lost_in_space: 1 }],
    ['none at all', { queue_full: 0 }],
    ['a fraction', { queue_full: 1.5 }],
    ['more than anybody could', { queue_full: 1_000_000_001 }],
  ])('are refused for %s', async (_name, dropped) => {
    expect((await stand.post('events', batch(1, { dropped }))).status).toBe(400);
  });

  it('are taken up by a file of an earlier release', () => {
    const path = join(stand.dir, '2025-12.db');
    const old = new Database(path);
    old.exec(`CREATE TABLE batches (id INTEGER PRIMARY KEY, app INTEGER NOT NULL, device BLOB NOT NULL, batch BLOB NOT NULL,
      version INTEGER NOT NULL, version_code INTEGER, mosis_version TEXT NOT NULL, received_at INTEGER NOT NULL,
      first_event INTEGER NOT NULL, event_count INTEGER NOT NULL, answer TEXT NOT NULL, UNIQUE (app, device, batch)) STRICT`);
    old.close();
    const partition = openPartition(path, { event: 0, batch: 6 });
    expect(partition.last()).toEqual({ event: 0, batch: 6 });
    expect([...partition.lossesAfter(0, 10)]).toEqual([]);
    partition.close();
  });
});
