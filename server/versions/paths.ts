/** Owns where a version's bytes lie in the blob store (docs/ARCHITECTURE.md, Data). */

export const DRAFTS_PREFIX = 'drafts/';
export const PACKAGES_PREFIX = 'packages/';

/** Before submission: by version, so that two drafts of one code do not meet. */
export function draftKey(versionId: string): string {
  return `${DRAFTS_PREFIX}${versionId}.mosis`;
}

/** From submission on, for ever: by package id and version code. */
export function packageKey(packageId: string, versionCode: number): string {
  return `${PACKAGES_PREFIX}${packageId}/${versionCode}/package.mosis`;
}

/** The immutable public path of the same bytes. */
export function packagePath(packageId: string, versionCode: number): string {
  return `/v1/packages/${packageId}/${versionCode}/package.mosis`;
}

/** The version that a draft's key names, or null for a key that `draftKey` never made. */
export function parseDraftKey(key: string): string | null {
  return /^drafts\/([0-9a-f-]{36})\.mosis$/.exec(key)?.[1] ?? null;
}

/** What a final key names, or null for a key that `packageKey` never made. */
export function parsePackageKey(key: string): { packageId: string; versionCode: number } | null {
  const [, packageId, code] = /^packages\/([^/]+)\/([1-9]\d{0,9})\/package\.mosis$/.exec(key) ?? [];
  return packageId === undefined || code === undefined ? null : { packageId, versionCode: Number(code) };
}
