/** Owns what an update check is: its bounds, and getting from its bytes to checked values. */
import { isAscii, isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../../format/manifest-schema.ts';
import { parseSemver, type Semver } from '../../../format/semver.ts';
import { TRACKS } from '../../../format/trust/targets.ts';
import { DomainError } from '../../errors.ts';

/** What one update check may hold. 200 apps of the longest ids are under half of the bytes. */
export const UPDATE_CHECK_LIMITS = Object.freeze({ maxBytes: 64 * 1024, maxApps: 200, bodyTimeoutMs: 10_000 });
const MAX_MOSIS_VERSION_CHARS = 64;
const MAX_TAG_CHARS = 64;
const MAX_SHOWN_ISSUES = 10;

const mosisVersion = z
  .string()
  .max(MAX_MOSIS_VERSION_CHARS)
  .transform((text, context): Semver => {
    const parsed = parseSemver(text);
    if (parsed !== null) return parsed;
    context.addIssue('must be a semantic version such as 1.4.0');
    return z.NEVER;
  });

/** The rules, and the words where they are broken. */
export const updateCheck = z.strictObject({
  mosis_version: mosisVersion,
  tag: z.string().max(MAX_TAG_CHARS).nullish(),
  apps: z
    .array(
      z.strictObject({
        package_id: z.string().max(128).regex(PACKAGE_ID_PATTERN),
        version_code: z.int().min(1).max(MAX_VERSION_CODE),
        track: z.enum(TRACKS),
      }),
    )
    .min(1)
    .max(UPDATE_CHECK_LIMITS.maxApps)
    .refine((apps) => new Set(apps.map((app) => app.package_id)).size === apps.length, 'names an app twice'),
});
export type UpdateCheck = z.infer<typeof updateCheck>;
export type InstalledPackage = UpdateCheck['apps'][number];

/**
 * Reads one check. Throws BAD_REQUEST (no JSON) and VALIDATION with the fields that are wrong. However deep the bytes nest: the
 * shape ends at the third level, and nothing below is walked.
 */
export function parseUpdateCheck(bytes: Buffer): UpdateCheck {
  const value = json(bytes);
  const plain = plainUpdateCheck(value);
  if (plain !== null) return plain;
  const result = updateCheck.safeParse(value);
  if (result.success) return result.data;
  throw new DomainError(
    'VALIDATION',
    'The update check is not as described in /openapi.json; fields says what is wrong.',
    {
      fields: result.error.issues
        .slice(0, MAX_SHOWN_ISSUES)
        .map(({ path, message }) => ({ path: path.join('.'), message })),
    },
  );
}

/**
 * The same check by hand, at a tenth of the cost: what it takes the schema takes, and whatever else comes is the schema's to judge
 * and to explain. A test holds the two against each other.
 */
export function plainUpdateCheck(value: unknown): UpdateCheck | null {
  if (!isRecord(value)) return null;
  const { mosis_version: version, tag, apps, ...others } = value;
  if (!isEmpty(others) || typeof version !== 'string' || version.length > MAX_MOSIS_VERSION_CHARS) return null;
  if (tag !== undefined && tag !== null && (typeof tag !== 'string' || tag.length > MAX_TAG_CHARS)) return null;
  if (!Array.isArray(apps) || apps.length === 0 || apps.length > UPDATE_CHECK_LIMITS.maxApps) return null;
  const mosis = parseSemver(version);
  const names = new Set<string>();
  const checked: InstalledPackage[] = [];
  for (const app of apps as readonly unknown[]) {
    const one = plainApp(app);
    if (one === null) return null;
    names.add(one.package_id);
    checked.push(one);
  }
  if (mosis === null || names.size !== checked.length) return null;
  return { mosis_version: mosis, ...(tag === undefined ? {} : { tag }), apps: checked };
}

function plainApp(value: unknown): InstalledPackage | null {
  if (!isRecord(value)) return null;
  const { package_id: id, version_code: code, track } = value;
  let names = 0;
  for (const _name in value) names += 1;
  if (names !== 3 || (track !== 'stable' && track !== 'beta')) return null;
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 1 || code > MAX_VERSION_CODE) return null;
  if (typeof id !== 'string' || id.length > 128 || !PACKAGE_ID_PATTERN.test(id)) return null;
  return { package_id: id, version_code: code, track };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: object): boolean {
  for (const _name in value) return false;
  return true;
}

function json(bytes: Buffer): unknown {
  try {
    if (isAscii(bytes)) return JSON.parse(bytes.toString('latin1'));
    if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new DomainError('BAD_REQUEST', 'The body is not JSON in UTF-8.');
  }
}
