import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createDisposal, type DroppedMonth } from '../../server/telemetry/dropped-files.ts';
import { APP, batch, createStand, type Stand, TODAY } from './stand.ts';

const DAY_MS = 86_400_000;
const PIECE = 1_000;

let stand: Stand | null = null;
let dir = '';
afterEach(async () => {
  await stand?.close();
  stand = null;
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
  dir = '';
});

function folderWith(...names: string[]): string {
  dir = mkdtempSync(join(tmpdir(), 'mosis-dropped-'));
  for (const name of names) writeFileSync(join(dir, name), 'x'.repeat(10 * PIECE));
  return dir;
}

describe('a month of raw rows past retention', () => {
  it('is let go of, noted once with its size, and leaves the aggregates as they were', async () => {
    const noted: DroppedMonth[] = [];
    stand = await createStand({ noteDropped: async (dropped) => void noted.push(dropped) });
    await stand.post('events', batch(1));
    stand.clock.advance(105 * DAY_MS);
    await stand.telemetry.maintain();
    expect(noted).toEqual([]);
    stand.clock.advance(2 * DAY_MS);
    await stand.telemetry.maintain();
    await stand.telemetry.disposed();
    expect(noted).toEqual([{ month: '2026-01', bytes: expect.any(Number) }]);
    expect(readdirSync(join(stand.dir, 'telemetry')).filter((name) => name.startsWith('2026-01'))).toEqual([]);
    await stand.restart();
    expect(noted).toHaveLength(1);
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toEqual([{ type: 'app_start', count: 1, devices: 1 }]);
  });

  it('takes batches while its file goes', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    stand = await createStand({ noteDropped: () => held });
    await stand.post('events', batch(1));
    stand.clock.advance(107 * DAY_MS);
    await stand.telemetry.maintain();
    expect(existsSync(join(stand.dir, 'telemetry', '2026-01.db.dropped'))).toBe(true);
    expect((await stand.post('events', batch(2))).status).toBe(202);
    release();
    await stand.telemetry.disposed();
    expect(existsSync(join(stand.dir, 'telemetry', '2026-01.db.dropped'))).toBe(false);
  });
});

describe('the removal of dropped files', () => {
  it('goes on where a kill or a stop ended it, and touches nothing else', async () => {
    folderWith('2026-01.db.dropped', '2026-02.db', 'aggregates.db');
    const noted: string[] = [];
    const disposal = createDisposal(dir, async ({ month, bytes }) => void noted.push(`${month} ${bytes}`), PIECE);
    const first = disposal.run();
    await disposal.stop();
    await first;
    await createDisposal(dir, async ({ month }) => void noted.push(month), PIECE).run();
    expect(readdirSync(dir).sort()).toEqual(['2026-02.db', 'aggregates.db']);
  });

  it('keeps the file while its end cannot be noted', async () => {
    folderWith('2026-01.db.dropped');
    const disposal = createDisposal(dir, () => Promise.reject(new Error('core.db is busy')), PIECE);
    await expect(disposal.run()).rejects.toThrow('busy');
    expect(readdirSync(dir)).toEqual(['2026-01.db.dropped']);
  });
});
