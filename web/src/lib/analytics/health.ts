// Puts what devices report of versions beside what is known of them and how often they were fetched. Pure.
import type { HealthRowFragment, ReleaseHealthPageQuery } from '#lib/graphql/generated/graphql.ts';

type Version = NonNullable<ReleaseHealthPageQuery['app']>['versions']['nodes'][number];

export type HealthTableRow = {
  name: string;
  /** Undefined for names that belong to no version here. */
  version: Version | undefined;
  /** Undefined for versions that no device reported of. */
  health: HealthRowFragment | undefined;
  full: number;
  delta: number;
  bytes: number;
};

/** One row for each version that reported or was fetched, the newest first; what belongs to no version comes last. */
export function healthRows(health: readonly HealthRowFragment[], versions: readonly Version[]): HealthTableRow[] {
  const published = versions.filter(({ publishedAt }) => publishedAt !== null);
  const names = new Set([...published.map(({ versionName }) => versionName), ...health.map(({ version }) => version)]);
  return [...names]
    .map((name) => {
      const known = published.filter(({ versionName }) => versionName === name);
      const days = known.flatMap(({ downloads }) => downloads);
      return {
        name,
        version: known[0],
        health: health.find(({ version }) => version === name),
        full: days.reduce((sum, day) => sum + day.full, 0),
        delta: days.reduce((sum, day) => sum + day.delta, 0),
        bytes: days.reduce((sum, day) => sum + Number(day.bytes), 0),
      };
    })
    .filter((row) => row.health !== undefined || row.full + row.delta > 0)
    .sort((a, b) => (b.version?.versionCode ?? 0) - (a.version?.versionCode ?? 0));
}
