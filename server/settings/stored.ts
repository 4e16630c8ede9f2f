/** Owns reading what settings hold now, for every feature that has one. It changes nothing. */
import type { z } from 'zod';
import type { Database, Tx } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';

/** What `revision` is before anything was changed. */
const FIRST_REVISION = 'default';

/** The value in force; fields that were never set take the schema's defaults. */
export async function readSetting<Value extends JsonObject>(
  tx: Tx | Database['prisma'],
  { key, schema }: { readonly key: string; readonly schema: z.ZodType<Value> },
): Promise<Value> {
  const row = await tx.setting.findUnique({ where: { key } });
  return schema.parse(row?.value ?? {});
}

/** Names what is in force: the id of the newest change, or `default`. */
export async function revisionOf(tx: Tx | Database['prisma'], key: string): Promise<string> {
  const newest = await tx.settingChange.findFirst({
    where: { key },
    orderBy: [{ at: 'desc' }, { id: 'desc' }],
    select: { id: true },
  });
  return newest?.id ?? FIRST_REVISION;
}
