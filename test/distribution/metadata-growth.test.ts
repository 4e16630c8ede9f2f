/** What was superseded goes: a repository that is published to all the time does not grow without end. */
import { expect, it } from 'vitest';
import { createSignedFiles, KEPT_OTHERS, KEPT_SNAPSHOTS } from '../../server/distribution/metadata/signed-files.ts';
import { createTestClock } from '../support/clock.ts';
import { createTestDatabase } from '../support/database.ts';

it('of what publishing all day supersedes, so much is kept for a day, and what is young whatever it is', async () => {
  const { db, dispose } = await createTestDatabase();
  try {
    const clock = createTestClock();
    const files = createSignedFiles({ db, clock });
    const rows = (role: string, count: number, superseded: boolean) =>
      Array.from({ length: count }, (_, index) => ({
        ...{ name: `${index}.${role}.json`, role, version: BigInt(index), createdAt: clock.now() },
        expiresAt: new Date(clock.ms() + 86_400_000),
        supersededAt: superseded ? new Date(clock.ms() - index * 10) : null,
      }));
    const add = async (data: ReturnType<typeof rows>) => {
      await db.prisma.metadataFile.createMany({ data });
      await db.prisma.metadataText.createMany({ data: data.map(({ name }) => ({ name, body: '{}' })) });
    };
    const kept = async () => [
      await db.prisma.metadataFile.count({ where: { role: 'snapshot' } }),
      await db.prisma.metadataFile.count({ where: { role: 'bin-a' } }),
      await db.prisma.metadataFile.count({ where: { role: 'targets' } }),
    ];
    await add(rows('snapshot', KEPT_SNAPSHOTS + 50, true));
    await add(rows('bin-a', KEPT_OTHERS + 300, true));
    await add(rows('targets', 1, false));
    await files.sweep();
    expect(await kept()).toEqual([KEPT_SNAPSHOTS + 50, KEPT_OTHERS + 300, 1]);
    clock.advance(11 * 60_000);
    expect(await files.sweep()).toBe(350);
    expect(await kept()).toEqual([KEPT_SNAPSHOTS, KEPT_OTHERS, 1]);
    // The oldest went, not the newest.
    expect(await db.prisma.metadataFile.findUnique({ where: { name: '0.snapshot.json' } })).not.toBeNull();
    clock.advance(24 * 3_600_000);
    await files.sweep();
    expect(await kept()).toEqual([0, 0, 1]);
    expect(await db.prisma.metadataText.findMany({ select: { name: true } })).toEqual([{ name: '0.targets.json' }]);
  } finally {
    await dispose();
  }
}, 120_000);
