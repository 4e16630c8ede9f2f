/** Owns where deltas lie in the blob store. A backup takes them along, for rows name them. */

export const DELTAS_PREFIX = 'deltas/';

/** By the version that a delta makes and the hash of the package that it is made from. */
export function deltaKey(packageId: string, versionCode: number, baseSha256: string): string {
  return `${DELTAS_PREFIX}${packageId}/${versionCode}/${baseSha256}.dcz`;
}

/** What a key names, or null for one that `deltaKey` never made. */
export function parseDeltaKey(key: string): { packageId: string; versionCode: number; baseSha256: string } | null {
  const [, packageId, code, baseSha256] = /^deltas\/([^/]+)\/([1-9]\d{0,9})\/([0-9a-f]{64})\.dcz$/.exec(key) ?? [];
  if (packageId === undefined || code === undefined || baseSha256 === undefined) return null;
  return { packageId, versionCode: Number(code), baseSha256 };
}
