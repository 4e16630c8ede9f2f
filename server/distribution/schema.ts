/** Owns the GraphQL fields about downloads: how often a version was fetched, for members of its app. */
import { invalidField } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from '../telemetry/access.ts';
import { DateRangeInput, TELEMETRY_APP } from '../telemetry/schema.ts';
import { VersionNode } from '../versions/schema.ts';

const MAX_RANGE_DAYS = 400;
const DAY_MS = 86_400_000;

interface DownloadDay {
  readonly day: string;
  readonly full: number;
  readonly delta: number;
  readonly bytes: bigint;
}

const DownloadDayType = builder.objectRef<DownloadDay>('DownloadDay').implement({
  description: 'Downloads of one version on one day. Who downloaded is not known.',
  fields: (t) => ({
    date: t.expose('day', { type: 'Date', description: 'The UTC day.' }),
    full: t.exposeInt('full', { description: 'Downloads of the whole package; a continued one counts once.' }),
    delta: t.exposeInt('delta', { description: 'Updates by delta.' }),
    bytes: t.expose('bytes', {
      type: 'BigInt',
      description: 'Bytes of the answers that these downloads were counted by.',
    }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  downloads: t.field({
    type: [DownloadDayType],
    description:
      'Days with downloads, oldest first; up to date within 10 seconds. For members of the app, by a session or a key with the scope TELEMETRY_READ.',
    select: { id: true, app: { select: TELEMETRY_APP } },
    args: { range: t.arg({ type: DateRangeInput, required: true, description: 'Which days.' }) },
    resolve: (version, { range: { from, to } }, { viewer, db }) => {
      requireTelemetryReader(viewer, version.app);
      const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
      if (!(days >= 1 && days <= MAX_RANGE_DAYS))
        throw invalidField('range', `A range spans 1 to ${MAX_RANGE_DAYS} days, its first day first.`);
      return db.prisma.downloadCount.findMany({
        where: { versionId: version.id, day: { gte: from, lte: to } },
        orderBy: { day: 'asc' },
      });
    },
  }),
}));
