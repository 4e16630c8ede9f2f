// The addresses of versions. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';

type Named = { id: string; versionCode: number; state: VersionState };

/** A submitted version is named by its code; drafts by their id, since several may wait with one code. */
export function versionPath(packageId: string, version: Named): string {
  return `/apps/${packageId}/versions/${version.state === 'DRAFT' ? encodeURIComponent(version.id) : version.versionCode}`;
}

/** The id of the version that `code` names: the submitted one before any draft; undefined when there is none. */
export function idOfCode(versions: readonly Named[], code: number): string | undefined {
  const named = versions.filter((version) => version.versionCode === code);
  return (named.find((version) => version.state !== 'DRAFT') ?? named[0])?.id;
}
