/**
 * Owns what developers decide about crash groups: resolved, ignored, open again. The groups themselves are telemetry's; only
 * these marks are in the core database. crash-regressions.ts reopens those that came back; reading changes nothing.
 */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import type { CrashGroupMark } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Work } from '../unit-of-work.ts';
import type { CrashGroupCursor, CrashGroupSort } from './aggregate-reader.ts';
import type { CrashGroup } from './readings.ts';
import type { Telemetry } from './service.ts';

export const CRASH_GROUP_STATES = ['OPEN', 'RESOLVED', 'IGNORED', 'REGRESSED'] as const;
export type CrashGroupState = (typeof CRASH_GROUP_STATES)[number];

const MAX_SEARCH = 200;

/** A crash group with what was decided about it. */
export interface TriagedCrashGroup extends CrashGroup {
  readonly appId: string;
  readonly state: CrashGroupState;
  readonly resolvedInCode: number | null;
  readonly regressedAt: Date | null;
  readonly regressedInCode: number | null;
}

export interface CrashGroupFilter {
  readonly version?: string | null | undefined;
  readonly state?: CrashGroupState | null | undefined;
  readonly search?: string | null | undefined;
}

export interface CrashGroupQuery {
  readonly first: number;
  readonly after: CrashGroupCursor | null;
  readonly sort: CrashGroupSort;
  readonly filter: CrashGroupFilter;
}

/** Which group: an app's, by its fingerprint. */
export interface WhichCrashGroup {
  readonly appId: string;
  readonly fingerprint: string;
}

type Act = { readonly viewer: Viewer; readonly origin: ActOrigin };
type Marks = ReadonlyMap<string, CrashGroupMark>;

export type CrashTriage = ReturnType<typeof createCrashTriage>;

/** `telemetry` is asked for groups; what reads them must have been allowed to before. */
export function createCrashTriage(deps: {
  readonly db: Pick<Database, 'prisma'>;
  readonly work: Work;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'crashGroups' | 'crashGroup'>;
}) {
  const { db, work, clock, telemetry } = deps;

  return {
    page,
    /** One group with its state; null where there is none. */
    async group({ appId, fingerprint }: WhichCrashGroup): Promise<TriagedCrashGroup | null> {
      const group = telemetry.crashGroup(appId, fingerprint);
      if (group === null) return null;
      const where = { appId_fingerprint: { appId, fingerprint } };
      return triaged(appId, group, (await db.prisma.crashGroupMark.findUnique({ where })) ?? undefined);
    },
    /**
     * Marks a group as resolved in a version code: a crash that comes in afterwards, under a published version with that code
     * or a higher one, reopens it (crash-regressions.ts). For maintainers. Throws NOT_FOUND, FORBIDDEN, VALIDATION.
     */
    async resolve(act: Act, which: WhichCrashGroup, inVersionCode: number): Promise<TriagedCrashGroup> {
      if (!Number.isInteger(inVersionCode) || inVersionCode < 1)
        throw invalidField('input.inVersionCode', 'Give the version code with the fix, 1 or higher.');
      return decide(act, which, { state: 'RESOLVED', resolvedInCode: inVersionCode });
    },
    /** Marks a group as ignored, until it is reopened by hand. For maintainers. Throws NOT_FOUND, FORBIDDEN. */
    ignore: (act: Act, which: WhichCrashGroup): Promise<TriagedCrashGroup> =>
      decide(act, which, { state: 'IGNORED', resolvedInCode: null }),
    /** Takes back what was decided. For maintainers. Throws NOT_FOUND, FORBIDDEN, STATE_CONFLICT for one that is open. */
    reopen,
  };

  /** A page of groups with their states. Throws VALIDATION. */
  async function page(
    appId: string,
    { first, after, sort, filter }: CrashGroupQuery,
  ): Promise<{ readonly groups: readonly TriagedCrashGroup[]; readonly hasNextPage: boolean }> {
    const { version = null, state = null, search = null } = filter;
    if (search !== null && search.length > MAX_SEARCH)
      throw invalidField('filter.search', `Search for at most ${MAX_SEARCH} characters.`);
    if (after !== null && after.sort !== sort)
      throw new DomainError('CURSOR_INVALID', 'This cursor is of another sort; begin without one.');
    const marks = await marksOf(appId);
    const { groups, hasNextPage } = telemetry.crashGroups(appId, {
      first,
      after,
      sort,
      match: { version, search },
      accepts: ({ fingerprint }) => state === null || stateOf(marks.get(fingerprint)) === state,
    });
    return { groups: groups.map((group) => triaged(appId, group, marks.get(group.fingerprint))), hasNextPage };
  }

  async function decide(
    { viewer, origin }: Act,
    { appId, fingerprint }: WhichCrashGroup,
    mark: { readonly state: 'RESOLVED' | 'IGNORED'; readonly resolvedInCode: number | null },
  ): Promise<TriagedCrashGroup> {
    const { developerId } = await maintainer(viewer, appId);
    const group = telemetry.crashGroup(appId, fingerprint);
    if (group === null) throw notFound('The crash group');
    const data = { ...mark, regressedAt: null, regressedInCode: null, byId: developerId, updatedAt: clock.now() };
    const saved = await work(async (unit) => {
      unit.audit({
        ...actorOf(viewer, origin),
        action: mark.state === 'RESOLVED' ? 'crash_group.resolve' : 'crash_group.ignore',
        resourceType: 'crash_group',
        resourceId: `${appId}:${fingerprint}`,
        details: mark.resolvedInCode === null ? {} : { inVersionCode: mark.resolvedInCode },
      });
      return unit.tx.crashGroupMark.upsert({
        where: { appId_fingerprint: { appId, fingerprint } },
        create: { appId, fingerprint, ...data },
        update: data,
      });
    });
    return triaged(appId, group, saved);
  }

  async function reopen({ viewer, origin }: Act, { appId, fingerprint }: WhichCrashGroup): Promise<TriagedCrashGroup> {
    await maintainer(viewer, appId);
    const group = telemetry.crashGroup(appId, fingerprint);
    if (group === null) throw notFound('The crash group');
    await work(async (unit) => {
      const { count } = await unit.tx.crashGroupMark.deleteMany({ where: { appId, fingerprint } });
      if (count === 0)
        throw new DomainError('STATE_CONFLICT', 'The crash group is open already.', { currentState: 'OPEN' });
      unit.audit({
        ...actorOf(viewer, origin),
        action: 'crash_group.reopen',
        resourceType: 'crash_group',
        resourceId: `${appId}:${fingerprint}`,
      });
    });
    return triaged(appId, group, undefined);
  }

  async function maintainer(viewer: Viewer, appId: string) {
    const app = await db.prisma.app.findUnique({
      where: { id: appId },
      select: { id: true, members: { select: { developerId: true, role: true } } },
    });
    return requireRole(viewer, app, { role: 'MAINTAINER', scope: 'apps:write' });
  }

  async function marksOf(appId: string): Promise<Marks> {
    const marks = await db.prisma.crashGroupMark.findMany({ where: { appId } });
    return new Map(marks.map((mark) => [mark.fingerprint, mark]));
  }
}

function stateOf(mark: CrashGroupMark | undefined): CrashGroupState {
  return CRASH_GROUP_STATES.find((state) => state === mark?.state) ?? 'OPEN';
}

function triaged(appId: string, group: CrashGroup, mark: CrashGroupMark | undefined): TriagedCrashGroup {
  return {
    ...group,
    appId,
    state: stateOf(mark),
    resolvedInCode: mark?.resolvedInCode ?? null,
    regressedAt: mark?.regressedAt ?? null,
    regressedInCode: mark?.regressedInCode ?? null,
  };
}
