/** Owns the GraphQL types of crash groups, their field on App and what developers decide. It writes through the service only. */
import { encodeGlobalID } from '@pothos/plugin-relay';
import { DomainError, notFound } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from './access.ts';
import {
  CRASH_GROUP_SORTS,
  type CrashGroupCursor,
  type CrashGroupSort,
  type CrashVersion,
} from './aggregate-reader.ts';
import type {
  CRASH_GROUP_STATES,
  CrashGroupFilter,
  CrashTriage,
  TriagedCrashGroup,
  WhichCrashGroup,
} from './crash-triage.ts';
import type { CRASH_TYPES } from './events-schema.ts';
import { TELEMETRY_APP, TELEMETRY_COST } from './schema.ts';

const DEFAULT_PAGE = 20;

const CrashType = builder.enumType('CrashType', {
  description: 'What ended the app.',
  values: {
    lua_error: { description: 'An error in the app’s Lua code that nothing caught.' },
    out_of_memory: { description: 'The app used more memory than it may.' },
    not_responding: { description: 'The app did not answer in time.' },
    native_crash: { description: 'The runtime itself crashed.' },
  } satisfies Record<(typeof CRASH_TYPES)[number], { description: string }>,
});

const CrashGroupStateEnum = builder.enumType('CrashGroupState', {
  description: 'What was decided about a crash group.',
  values: {
    OPEN: { description: 'Nothing yet.' },
    RESOLVED: { description: 'Fixed in a version code; a crash in it or a later one reopens the group.' },
    IGNORED: { description: 'Not to be looked at, however often it happens.' },
    REGRESSED: { description: 'Resolved once, and seen again in a version that should have had the fix.' },
  } satisfies Record<(typeof CRASH_GROUP_STATES)[number], { description: string }>,
});

const CrashGroupSortEnum = builder.enumType('CrashGroupSort', {
  description: 'What crash groups are sorted by, the most first.',
  values: {
    LAST_SEEN: { description: 'Time of the latest crash.' },
    FIRST_SEEN: { description: 'Time of the earliest crash.' },
    COUNT: { description: 'Reports.' },
    DEVICES: { description: 'Different devices.' },
  } satisfies Record<CrashGroupSort, { description: string }>,
});

const CrashGroupFilterInput = builder.inputType('CrashGroupFilter', {
  description: 'Narrows crash groups to those that meet all of it.',
  fields: (t) => ({
    version: t.string({ description: 'Happened in this version.' }),
    state: t.field({ type: CrashGroupStateEnum, description: 'In this state.' }),
    search: t.string({ description: 'Title or message has this text; at most 200 characters.' }),
  }),
});

const CrashGroupVersionType = builder.objectRef<CrashVersion>('CrashGroupVersion').implement({
  description: 'How often a crash happened in one version.',
  fields: (t) => ({
    version: t.exposeString('name', { description: 'The version, or `other` for those never published.' }),
    count: t.expose('count', { type: 'BigInt', description: 'Reports.' }),
  }),
});

const CrashGroupType = builder.objectRef<TriagedCrashGroup>('CrashGroup').implement({
  description:
    'Crashes with the same normalised message and stack. Message, stack and context are those of the first report.',
  fields: (t) => ({
    id: t.id({
      description: 'Stable and opaque.',
      resolve: (group) => encodeGlobalID('CrashGroup', `${group.appId}:${group.fingerprint}`),
    }),
    fingerprint: t.exposeString('fingerprint', {
      description: '32 hexadecimal digits, the same for the same fault in every version.',
    }),
    title: t.exposeString('title', { description: 'What and where, in one line.' }),
    crashType: t.expose('crashType', { type: CrashType, description: 'What ended the app.' }),
    message: t.exposeString('message', { description: 'The error message.' }),
    stackTrace: t.exposeString('stackTrace', { description: 'The Lua traceback, innermost call first.' }),
    context: t.exposeString('context', {
      nullable: true,
      description: 'Screen, memory and uptime as JSON; null when the report had none.',
    }),
    firstSeen: t.field({
      type: 'DateTime',
      description: 'Time of the earliest crash, by the device’s clock.',
      resolve: (group) => new Date(group.firstSeenMs),
    }),
    lastSeen: t.field({
      type: 'DateTime',
      description: 'Time of the latest crash, by the device’s clock.',
      resolve: (group) => new Date(group.lastSeenMs),
    }),
    count: t.expose('count', { type: 'BigInt', description: 'Reports.' }),
    devices: t.exposeInt('devices', { description: 'Different devices, with a standard error of 1.6 %.' }),
    versions: t.stringList({
      description: 'The versions it happened in.',
      resolve: ({ versions }) => versions.map(({ name }) => name),
    }),
    affectedVersions: t.field({
      type: [CrashGroupVersionType],
      description: 'The versions it happened in, with how often.',
      resolve: ({ versions }) => [...versions],
    }),
    state: t.expose('state', { type: CrashGroupStateEnum, description: 'What was decided about it.' }),
    resolvedInVersionCode: t.exposeInt('resolvedInCode', {
      nullable: true,
      description:
        'The version code with the fix, as a developer said; a crash in it or a later one reopens the group; null unless it was resolved.',
    }),
    regressedAt: t.expose('regressedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was found to have come back after it was resolved; null unless it has.',
    }),
    regressedInVersionCode: t.exposeInt('regressedInCode', {
      nullable: true,
      description: 'The lowest version code in which it came back; null unless it has.',
    }),
  }),
});

builder.prismaObjectFields('App', (t) => ({
  crashGroups: t.connection(
    {
      type: CrashGroupType,
      description: 'Crashes of the app in groups. For whom: as `telemetry`.',
      select: TELEMETRY_APP,
      complexity: ({ first }) => ({ field: TELEMETRY_COST, multiplier: Math.min(first ?? DEFAULT_PAGE, 100) }),
      args: {
        sort: t.arg({ type: CrashGroupSortEnum, description: 'Most of this first; the one seen last when left out.' }),
        filter: t.arg({ type: CrashGroupFilterInput, description: 'Which groups; all when left out.' }),
      },
      resolve: (app, args, { viewer, services }) => {
        requireTelemetryReader(viewer, app);
        return crashGroupPage(services.crashTriage, app.id, args);
      },
    },
    { name: 'CrashGroupConnection', description: 'A page of crash groups.' },
    { name: 'CrashGroupEdge', description: 'A crash group and its place.' },
  ),
  crashGroup: t.field({
    type: CrashGroupType,
    nullable: true,
    description: 'One crash group; null where the app has none with that fingerprint. For whom: as `telemetry`.',
    select: TELEMETRY_APP,
    complexity: TELEMETRY_COST,
    args: { fingerprint: t.arg.string({ required: true, description: 'Its fingerprint.' }) },
    resolve: (app, { fingerprint }, { viewer, services }) => {
      requireTelemetryReader(viewer, app);
      return services.crashTriage.group({ appId: app.id, fingerprint });
    },
  }),
}));

/** The group of a global id. Throws NOT_FOUND for the id of anything else. */
function whichGroup({ typename, id }: { readonly typename: string; readonly id: string }): WhichCrashGroup {
  const split = id.indexOf(':');
  if (typename !== 'CrashGroup' || split === -1) throw notFound('The crash group');
  return { appId: id.slice(0, split), fingerprint: id.slice(split + 1) };
}

function crashGroupPayload(name: string) {
  return builder.objectRef<{ readonly crashGroup: TriagedCrashGroup }>(name).implement({
    description: 'The crash group as it is now.',
    fields: (t) => ({
      crashGroup: t.expose('crashGroup', { type: CrashGroupType, description: 'The crash group as it is now.' }),
    }),
  });
}

const ResolveCrashGroupInput = builder.inputType('ResolveCrashGroupInput', {
  description: 'Which group, and where it is fixed.',
  fields: (t) => ({
    crashGroupId: t.globalID({ required: true, description: 'The crash group.' }),
    inVersionCode: t.int({ required: true, description: 'The version code with the fix.' }),
  }),
});
builder.mutationField('resolveCrashGroup', (t) =>
  t.field({
    type: crashGroupPayload('ResolveCrashGroupPayload'),
    errors: {},
    description:
      'Says in which version code a crash is fixed. A crash that comes in later from a published version with that code or a higher one reopens it. For maintainers.',
    args: { input: t.arg({ type: ResolveCrashGroupInput, required: true, description: 'Which one, and where.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const which = whichGroup(input.crashGroupId);
      const act = { viewer, origin: caller };
      return { crashGroup: await services.crashTriage.resolve(act, which, input.inVersionCode) };
    },
  }),
);

for (const [name, act, description] of [
  [
    'ignoreCrashGroup',
    'ignore',
    'Says that a crash is not to be looked at, however often it happens. For maintainers.',
  ],
  ['reopenCrashGroup', 'reopen', 'Takes back what was decided about a crash. For maintainers.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which crash group.',
    fields: (t) => ({ crashGroupId: t.globalID({ required: true, description: 'The crash group.' }) }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: crashGroupPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => {
        const crashGroup = await services.crashTriage[act]({ viewer, origin: caller }, whichGroup(input.crashGroupId));
        return { crashGroup };
      },
    }),
  );
}

interface PageArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
  readonly sort?: CrashGroupSort | null | undefined;
  readonly filter?: CrashGroupFilter | null | undefined;
}

async function crashGroupPage(triage: CrashTriage, appId: string, args: PageArgs) {
  const { first, after, last, before, sort, filter } = args;
  if (last != null || before != null)
    throw new DomainError('BAD_REQUEST', 'Crash groups are paged forwards: use first and after.');
  if (first != null && first < 0) throw new DomainError('BAD_REQUEST', 'first is at least 0.');
  const page = await triage.page(appId, {
    first: first ?? DEFAULT_PAGE,
    after: after == null ? null : parseCursor(after),
    sort: sort ?? 'LAST_SEEN',
    filter: filter ?? {},
  });
  const edges = page.groups.map((group) => ({ cursor: formatCursor(group.cursor), node: group }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function formatCursor(cursor: CrashGroupCursor): string {
  return Buffer.from(`${cursor.sort}:${cursor.value}:${cursor.id}`).toString('base64url');
}

function parseCursor(cursor: string): CrashGroupCursor {
  const match = /^([A-Z_]{1,20}):(\d{1,15}):(\d{1,15})$/.exec(
    Buffer.from(cursor.slice(0, 100), 'base64url').toString('latin1'),
  );
  const sort = CRASH_GROUP_SORTS.find((one) => one === match?.[1]);
  if (match === null || sort === undefined)
    throw new DomainError('CURSOR_INVALID', 'This is not a cursor of crash groups; begin without one.');
  return { sort, value: Number(match[2]), id: Number(match[3]) };
}
