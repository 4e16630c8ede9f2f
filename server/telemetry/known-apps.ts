/** Owns which apps telemetry may name: those that were published at some time. It remembers them, for every batch asks. */
import type { Database } from '../platform/db/database.ts';
import type { TelemetryApp } from './service.ts';

const MAX_KNOWN = 5_000;

/** Only apps that are known are remembered; `forget` is called when anything is published or leaves the store. */
export function createKnownApps(db: Pick<Database, 'prisma'>) {
  const known = new Map<string, TelemetryApp>();
  let generation = 0;

  return {
    /** The app with the version names that were ever published; null where none was. */
    async resolve(packageId: string): Promise<TelemetryApp | null> {
      const remembered = known.get(packageId);
      if (remembered !== undefined) return remembered;
      const readAt = generation;
      const app = await db.prisma.app.findUnique({
        where: { packageId },
        select: {
          id: true,
          firstPublishedAt: true,
          versions: { where: { publishedAt: { not: null } }, select: { versionName: true } },
        },
      });
      if (app === null || app.firstPublishedAt === null) return null;
      const found = { id: app.id, versions: new Set(app.versions.map((version) => version.versionName)) };
      if (readAt === generation) {
        if (known.size >= MAX_KNOWN) known.clear();
        known.set(packageId, found);
      }
      return found;
    },
    forget(): void {
      generation += 1;
      known.clear();
    },
  };
}
