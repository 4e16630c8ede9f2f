/** Owns the settings that admins change while the server runs, and the history of each: the only writer of both tables. */
import type { z } from 'zod';
import { requireAdmin } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { parseInput } from '../apps/inputs.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { differences } from './difference.ts';
import { readSetting, revisionOf } from './stored.ts';

/** A setting that can be changed: where it is stored, and what it may be. Absent fields take the schema's defaults. */
export interface KnownSetting {
  readonly key: string;
  readonly schema: z.ZodType<JsonObject>;
}

interface SettingsOptions {
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly known: readonly KnownSetting[];
}

export type Settings = ReturnType<typeof createSettings>;

export function createSettings({ work, clock, ids, known }: SettingsOptions) {
  /** Writes the value with its history; answers the id of the change. Throws VALIDATION; null where nothing differs. */
  async function put(
    unit: Unit,
    { key, schema }: KnownSetting,
    given: JsonObject,
    who: { viewer: Viewer; origin: ActOrigin; details: JsonObject },
  ): Promise<string | null> {
    const row = await unit.tx.setting.findUnique({ where: { key } });
    const before = schema.parse(row?.value ?? {});
    const after = parseInput(schema, given);
    const paths = differences(before, after).map(({ path }) => path);
    if (paths.length === 0) return null;
    const [id, at] = [ids.next(), clock.now()];
    await unit.tx.setting.upsert({
      where: { key },
      update: { value: after, updatedAt: at },
      create: { key, value: after, updatedAt: at },
    });
    const actorId = who.viewer.kind === 'developer' ? who.viewer.developerId : null;
    const change = { id, key, after, actorId, at };
    await unit.tx.settingChange.create({ data: row === null ? change : { ...change, before } });
    unit.audit({
      ...actorOf(who.viewer, who.origin),
      action: 'admin.change_setting',
      resourceType: 'setting',
      resourceId: key,
      details: { changeId: id, changed: paths.slice(0, 50), ...who.details },
    });
    return id;
  }

  return {
    /** What is in force before anything was changed; empty for a setting that this server does not know. */
    defaults(key: string): JsonObject {
      return known.find((setting) => setting.key === key)?.schema.parse({}) ?? {};
    },

    /**
     * Changes the fields that are given and leaves the others. With `revision` (the id of the newest change that the
     * admin saw) only if nobody changed the setting since. Throws FORBIDDEN, VALIDATION or CONFLICT.
     */
    async change(
      viewer: Viewer,
      setting: KnownSetting,
      given: { readonly fields: JsonObject; readonly revision: string | null },
      origin: ActOrigin,
    ): Promise<void> {
      requireAdmin(viewer);
      await work(async (unit) => {
        if (given.revision !== null && given.revision !== (await revisionOf(unit.tx, setting.key))) {
          throw new DomainError(
            'CONFLICT',
            'Somebody changed these settings since you opened them. Read them again, then change what is still needed.',
          );
        }
        const now = await readSetting(unit.tx, setting);
        await put(unit, setting, { ...now, ...given.fields }, { viewer, origin, details: {} });
      });
    },

    /** Puts back what was in force before a change; answers the id of the change that does. Throws NOT_FOUND or CONFLICT. */
    async rollback(viewer: Viewer, changeId: string, origin: ActOrigin): Promise<string> {
      requireAdmin(viewer);
      return work(async (unit) => {
        const change = await unit.tx.settingChange.findUnique({ where: { id: changeId } });
        const setting = known.find(({ key }) => key === change?.key);
        if (change === null || setting === undefined) throw notFound('The change');
        const before = setting.schema.parse(change.before ?? {});
        const id = await put(unit, setting, before, { viewer, origin, details: { rollbackOf: changeId } });
        if (id === null)
          throw new DomainError(
            'CONFLICT',
            'What was in force before that change is in force now; nothing was changed.',
          );
        return id;
      });
    },
  };
}
