/** Owns semantic versions 2.0.0: parsing and precedence. It knows no version ranges. */

export interface Semver {
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  readonly prerelease: readonly string[];
  readonly build: readonly string[];
}

/** The grammar of semver.org 2.0.0, anchored; used in the manifest's JSON Schema too. */
export const SEMVER_PATTERN =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

/** Characters a version may have here; the standard leaves it open. */
export const MAX_SEMVER_LENGTH = 128;

/** The parts of a semantic version, or null when the text is none. Numbers stay decimal text: they may exceed 2^53. */
export function parseSemver(text: string): Semver | null {
  if (text.length > MAX_SEMVER_LENGTH) return null;
  const match = SEMVER_PATTERN.exec(text);
  if (match === null) return null;
  const [, major = '0', minor = '0', patch = '0', prerelease, build] = match;
  return { major, minor, patch, prerelease: prerelease?.split('.') ?? [], build: build?.split('.') ?? [] };
}

/** Precedence of semver §11: negative when `a` comes before `b`, 0 when neither does (build metadata is ignored). */
export function compareSemver(a: Semver, b: Semver): number {
  const core = compareNumeric(a.major, b.major) || compareNumeric(a.minor, b.minor) || compareNumeric(a.patch, b.patch);
  if (core !== 0) return core;
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  for (let i = 0; i < Math.min(a.prerelease.length, b.prerelease.length); i += 1) {
    const order = compareIdentifier(a.prerelease[i] ?? '', b.prerelease[i] ?? '');
    if (order !== 0) return order;
  }
  return a.prerelease.length - b.prerelease.length;
}

/** Decimal text without leading zeros: the longer one is the larger one. */
function compareNumeric(a: string, b: string): number {
  return a.length - b.length || compareAscii(a, b);
}

function compareIdentifier(a: string, b: string): number {
  const numericA = /^\d+$/.test(a);
  const numericB = /^\d+$/.test(b);
  if (numericA && numericB) return compareNumeric(a, b);
  if (numericA !== numericB) return numericA ? -1 : 1;
  return compareAscii(a, b);
}

function compareAscii(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
