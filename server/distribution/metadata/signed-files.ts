/**
 * Owns where signed metadata lies: the file in force of each role, those that wait to be named, and those that a newer one
 * took the place of. It signs nothing; one process writes at a time.
 */
import type { Clock } from '../../platform/clock.ts';
import type { Database, Tx } from '../../platform/db/database.ts';
import { KEEP_MANY_MS, KEEP_SUPERSEDED_MS } from './times.ts';

export const TIMESTAMP_FILE = 'timestamp.json';
/** Rows that one statement names. */
const AT_ONCE = 500;
/** Superseded files that are kept for the whole day; of more, the oldest go sooner (`KEEP_MANY_MS`). */
export const KEPT_SNAPSHOTS = 256;
export const KEPT_OTHERS = 8_192;
/** Files that one sweep removes in one statement: their texts are long. */
const SWEPT_AT_ONCE = 50;

/** A role's file, without its text. */
export interface RoleFile {
  readonly name: string;
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
}

export interface SignedFile extends RoleFile {
  readonly body: string;
}

export type SignedFiles = ReturnType<typeof createSignedFiles>;

export function createSignedFiles({ db, clock }: { db: Database; clock: Clock }) {
  /** By role. This process is the only writer, so what it has read once it knows. */
  let inForce: Map<string, RoleFile> | null = null;

  /** The file in force of each role. */
  async function current(): Promise<ReadonlyMap<string, RoleFile>> {
    if (inForce !== null) return inForce;
    const rows = await db.prisma.metadataFile.findMany({
      where: { supersededAt: null },
      select: { name: true, role: true, version: true, expiresAt: true },
    });
    inForce = new Map(
      rows.map(({ name, role, version, expiresAt }) => [
        role,
        { name, role, version: Number(version), expires: expiresAt },
      ]),
    );
    return inForce;
  }

  return {
    current,

    async bodyOf(name: string): Promise<string | null> {
      const row = await db.prisma.metadataText.findUnique({ where: { name }, select: { body: true } });
      return row?.body ?? null;
    },

    /** Files that nothing names yet: superseded from the start, so that a killed run leaves nothing but what is swept. */
    async writeAhead(files: readonly SignedFile[], now: Date): Promise<void> {
      if (files.length === 0) return;
      await db.transaction(async (tx) => {
        await tx.metadataFile.deleteMany({ where: { name: { in: files.map(({ name }) => name) } } });
        await tx.metadataFile.createMany({ data: files.map((file) => rowOf(file, now, now)) });
        await tx.metadataText.createMany({ data: files.map(({ name, body }) => ({ name, body })) });
      });
    },

    /** Puts files written ahead, snapshot and timestamp in force in one transaction, with what `within` does. */
    async putInForce(
      given: { ahead: readonly RoleFile[]; snapshot: SignedFile | null; timestamp: SignedFile | null; now: Date },
      within: (tx: Tx) => Promise<void>,
    ): Promise<void> {
      const { ahead, snapshot, timestamp, now } = given;
      const before = await current();
      const fresh = [...ahead, ...(snapshot === null ? [] : [snapshot])];
      const superseded = fresh.flatMap(({ role }) => before.get(role)?.name ?? []);
      await db.transaction(async (tx) => {
        await mark(tx, superseded, now);
        const names = ahead.map(({ name }) => name);
        await mark(tx, names, null);
        for (const file of [snapshot, timestamp]) {
          if (file === null) continue;
          const { name, body } = file;
          const row = rowOf(file, now, null);
          await tx.metadataFile.upsert({ where: { name }, create: row, update: row });
          await tx.metadataText.upsert({ where: { name }, create: { name, body }, update: { body } });
        }
        await within(tx);
      });
      inForce = new Map(before);
      for (const { name, role, version, expires } of [...fresh, ...(timestamp === null ? [] : [timestamp])])
        inForce.set(role, { name, role, version, expires });
    },

    /** When the timestamp ends; null before there is one. */
    async timestampExpires(): Promise<Date | null> {
      const row = await db.prisma.metadataFile.findUnique({
        where: { name: TIMESTAMP_FILE },
        select: { expiresAt: true },
      });
      return row?.expiresAt ?? null;
    },

    /**
     * Removes files that were superseded a day ago, and, of more than a day should have, the oldest that no client can
     * still be on its way to. Returns how many.
     */
    async sweep(): Promise<number> {
      const old = new Date(clock.ms() - KEEP_SUPERSEDED_MS);
      const settled = new Date(clock.ms() - KEEP_MANY_MS);
      const names = new Set<string>();
      const add = (rows: readonly { name: string }[]) => {
        for (const { name } of rows) names.add(name);
      };
      const select = { name: true } as const;
      const orderBy = [{ supersededAt: 'desc' }, { name: 'desc' }] as const;
      add(await db.prisma.metadataFile.findMany({ where: { supersededAt: { lt: old } }, select }));
      for (const [role, skip] of [
        ['snapshot', KEPT_SNAPSHOTS],
        [{ not: 'snapshot' }, KEPT_OTHERS],
      ] as const) {
        const beyond = { role, supersededAt: { not: null } };
        const rows = await db.prisma.metadataFile.findMany({
          ...{ where: beyond, select: { name: true, supersededAt: true }, orderBy: [...orderBy], skip },
        });
        add(rows.filter(({ supersededAt }) => supersededAt !== null && supersededAt < settled));
      }
      const all = [...names];
      for (let at = 0; at < all.length; at += SWEPT_AT_ONCE) {
        // Still superseded: a file of the same name may have been put in force since.
        const where = { name: { in: all.slice(at, at + SWEPT_AT_ONCE) }, supersededAt: { not: null } };
        await db.prisma.metadataFile.deleteMany({ where });
      }
      return all.length;
    },
  };
}

async function mark(tx: Tx, names: readonly string[], supersededAt: Date | null): Promise<void> {
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const where = { name: { in: names.slice(at, at + AT_ONCE) } };
    await tx.metadataFile.updateMany({ where, data: { supersededAt } });
  }
}

function rowOf(file: RoleFile, createdAt: Date, supersededAt: Date | null) {
  const { name, role, version, expires } = file;
  return { name, role, version: BigInt(version), expiresAt: expires, createdAt, supersededAt };
}
