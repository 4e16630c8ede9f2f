import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../server/platform/db/sqlite.ts';
import { createTestDatabase } from '../support/database.ts';

const writer = join(import.meta.dirname, '../support/kill-writer.ts');

describe('a killed process', () => {
  it.each([1, 7, 40])('loses nothing that it acknowledged and leaves no half, killed after %i units', async (units) => {
    const test = await createTestDatabase();
    await test.db.close();
    const acknowledged = await killAfter(units, test.path);

    const db = await openDatabase({ path: test.path });
    const settings = (await db.prisma.setting.findMany()).map((row) => row.key).toSorted();
    const events = await db.prisma.event.findMany({ orderBy: { n: 'asc' } });
    const jobs = await db.prisma.job.findMany();
    const audit = await db.prisma.auditLog.findMany();
    await db.close();
    await test.dispose();

    expect(settings).toEqual(expect.arrayContaining(acknowledged));
    expect(events.map((row) => row.appId).toSorted()).toEqual(settings);
    expect(jobs.map((row) => row.key).toSorted()).toEqual(settings);
    expect(audit.map((row) => row.resourceId).toSorted()).toEqual(settings);
    expect(events.map((row) => Number(row.n))).toEqual(events.map((_, index) => index + 1));
  });
});

/** Kills the writer at its `units`-th acknowledgement; returns all that it acknowledged. */
async function killAfter(units: number, path: string): Promise<string[]> {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const acknowledged: string[] = [];
  for await (const key of createInterface({ input: child.stdout })) {
    acknowledged.push(key);
    if (acknowledged.length === units) child.kill('SIGKILL');
  }
  expect((await ended)[1]).toBe('SIGKILL');
  return acknowledged;
}
