/** Owns the prepared SQL behind downloads and public assets: only what is published and not hidden is found here. */
import type { Database as RawHandle } from 'better-sqlite3';
import { compareSemver, parseSemver } from '../../format/semver.ts';

/** A version that anybody may download. */
export interface PublishedVersion {
  readonly id: string;
  /** Bytes of the package file. */
  readonly size: number;
  readonly sha256: string;
  /** `<keyId>.<base64>` by the platform. */
  readonly platformSignature: string;
  /** Contents of signature.sig. */
  readonly signature: string;
  /** 1 where retention removed the bytes. */
  readonly bytesRemoved: 0 | 1;
}

/** A delta that makes a version from an earlier one. */
export interface StoredDelta {
  /** Bytes of the file. */
  readonly size: number;
  /** Of the delta's own bytes. */
  readonly sha256: string;
}

export interface DistributionQueries {
  /** The delta that makes the version from the package with this hash, or null. */
  delta(versionId: string, baseSha256: string): StoredDelta | null;
  /** Null unless version and app are published now. */
  published(packageId: string, versionCode: number): PublishedVersion | null;
  /**
   * Code of the newest published version that every device on the stable track is offered and that runs on `mosisVersion` (semver precedence; all of them when it is null), or
   * null where there is none.
   */
  newestCompatible(packageId: string, mosisVersion: string | null): number | null;
}

interface Candidate {
  readonly code: number;
  readonly minMosisVersion: string;
}

/** Prepares the statements on a read-only handle, which stays the caller's. */
export function createDistributionQueries(handle: RawHandle): DistributionQueries {
  const published = handle.prepare<[string, number], PublishedVersion>(`
    SELECT v.id, v.package_size AS size, v.package_sha256 AS sha256, v.platform_signature AS platformSignature, v.signature,
      v.bytes_removed_at IS NOT NULL AS bytesRemoved
    FROM apps a JOIN app_versions v ON v.app_id = a.id
    WHERE a.package_id = ? AND v.claimed_code = ? AND a.status = 'PUBLISHED' AND v.state = 'PUBLISHED'
      AND v.platform_signature IS NOT NULL AND v.signature IS NOT NULL`);
  const newestFirst = handle.prepare<[string], Candidate>(`
    SELECT v.version_code AS code, v.min_mosis_version AS minMosisVersion
    FROM apps a JOIN app_versions v ON v.app_id = a.id
    WHERE a.package_id = ? AND a.status = 'PUBLISHED' AND v.state = 'PUBLISHED' AND v.bytes_removed_at IS NULL
      AND (NOT EXISTS (SELECT 1 FROM rollouts r WHERE r.version_id = v.id)
        OR EXISTS (SELECT 1 FROM rollouts r WHERE r.version_id = v.id AND r.track = 'STABLE' AND r.basis_points >= 10000
          AND r.state IN ('ACTIVE', 'COMPLETE')))
    ORDER BY v.version_code DESC`);
  const delta = handle.prepare<[string, string], StoredDelta>(
    'SELECT size, sha256 FROM package_deltas WHERE version_id = ? AND base_sha256 = ?',
  );
  return {
    delta: (versionId, baseSha256) => delta.get(versionId, baseSha256) ?? null,
    published: (packageId, versionCode) => published.get(packageId, versionCode) ?? null,
    newestCompatible(packageId, mosisVersion) {
      for (const { code, minMosisVersion } of newestFirst.iterate(packageId)) {
        if (mosisVersion === null || runsOn(minMosisVersion, mosisVersion)) return code;
      }
      return null;
    },
  };
}

function runsOn(minimum: string, given: string): boolean {
  const least = parseSemver(minimum);
  const device = parseSemver(given);
  return least !== null && device !== null && compareSemver(least, device) <= 0;
}
