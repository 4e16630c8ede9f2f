/** Owns where a version's bytes lie in the blob store (docs/ARCHITECTURE.md, Data). */

/** Before submission: by version, so that two drafts of one code do not meet. */
export function draftKey(versionId: string): string {
  return `drafts/${versionId}.mosis`;
}

/** From submission on, for ever: by package id and version code. */
export function packageKey(packageId: string, versionCode: number): string {
  return `packages/${packageId}/${versionCode}/package.mosis`;
}

/** The immutable public path of the same bytes. */
export function packagePath(packageId: string, versionCode: number): string {
  return `/v1/packages/${packageId}/${versionCode}/package.mosis`;
}
