// The addresses of versions. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';

type Named = { id: string; versionCode: number; state: VersionState };

/** A submitted version is named by its code; drafts by their id, since several may wait with one code. */
export function versionPath(packageId: string, version: Named): string {
  return `/apps/${packageId}/versions/${version.state === 'DRAFT' ? encodeURIComponent(version.id) : version.versionCode}`;
}
