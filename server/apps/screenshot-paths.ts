/** Owns where the bytes of screenshots lie in the blob store, and their public path. */

export const SCREENSHOTS_PREFIX = 'screenshots/';

/** By app and hash: the same picture twice is stored once. */
export function screenshotKey(appId: string, sha256: string): string {
  return `${SCREENSHOTS_PREFIX}${appId}/${sha256}.png`;
}

/** What a key names, or null for one that `screenshotKey` never made. */
export function parseScreenshotKey(key: string): { appId: string; sha256: string } | null {
  const [, appId, sha256] = /^screenshots\/([0-9a-f-]{36})\/([0-9a-f]{64})\.png$/.exec(key) ?? [];
  return appId === undefined || sha256 === undefined ? null : { appId, sha256 };
}

/** The immutable public path of the same bytes. */
export function screenshotPath(packageId: string, sha256: string): string {
  return `/v1/assets/${packageId}/screenshots/${sha256}.png`;
}
