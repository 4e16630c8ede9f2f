/** Owns the numbers of docs/PACKAGE_FORMAT.md §1 to §4. A server may lower them, nobody may raise them. */

export interface PackageLimits {
  readonly maxPackageBytes: number;
  /** All files together, counted while inflating. */
  readonly maxUnpackedBytes: number;
  readonly maxFileBytes: number;
  readonly maxEntries: number;
  /** Unpacked bytes per packed byte, for entries that unpack to more than `ratioFloorBytes`. */
  readonly maxRatio: number;
  readonly ratioFloorBytes: number;
  readonly maxSegmentBytes: number;
  readonly maxPathBytes: number;
  readonly maxPathDepth: number;
  readonly maxManifestBytes: number;
  readonly maxManifestDepth: number;
  readonly maxSignatureBytes: number;
  /** Findings kept per severity and check; the rest is counted, so that one severity never hides another. */
  readonly maxFindings: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits of the format itself. */
export const PACKAGE_LIMITS: PackageLimits = Object.freeze({
  maxPackageBytes: 50 * MIB,
  maxUnpackedBytes: 100 * MIB,
  maxFileBytes: 25 * MIB,
  maxEntries: 10_000,
  maxRatio: 200,
  ratioFloorBytes: MIB,
  maxSegmentBytes: 255,
  maxPathBytes: 512,
  maxPathDepth: 16,
  maxManifestBytes: 64 * KIB,
  maxManifestDepth: 8,
  // The four strings of signature.sig take about 290 bytes; the rest is room for white space.
  maxSignatureBytes: 4 * KIB,
  maxFindings: 200,
});

/** The format's limits with some lowered; a value above the format's own is cut to it. */
export function lowerLimits(lower: Partial<PackageLimits>): PackageLimits {
  const keys = Object.keys(PACKAGE_LIMITS) as (keyof PackageLimits)[];
  const limits: Record<keyof PackageLimits, number> = { ...PACKAGE_LIMITS };
  for (const key of keys) limits[key] = Math.min(PACKAGE_LIMITS[key], lower[key] ?? PACKAGE_LIMITS[key]);
  return limits;
}
