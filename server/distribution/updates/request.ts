/** Owns what an update check is: its bounds, and getting from its bytes to checked values. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../../format/manifest-schema.ts';
import { parseSemver, type Semver } from '../../../format/semver.ts';
import { TRACKS } from '../../../format/trust/targets.ts';
import { DomainError } from '../../errors.ts';

/** What one update check may hold. 200 apps of the longest ids are under half of the bytes. */
export const UPDATE_CHECK_LIMITS = Object.freeze({ maxBytes: 64 * 1024, maxApps: 200, bodyTimeoutMs: 10_000 });
export const MAX_MOSIS_VERSION_CHARS = 64;
export const MAX_TAG_CHARS = 64;
export const MAX_PACKAGE_ID_CHARS = 128;
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
        package_id: z.string().max(MAX_PACKAGE_ID_CHARS).regex(PACKAGE_ID_PATTERN),
        version_code: z.int().min(1).max(MAX_VERSION_CODE),
        track: z.enum(TRACKS),
      }),
    )
    .min(1)
    .max(UPDATE_CHECK_LIMITS.maxApps)
    .refine((apps) => new Set(apps.map((app) => app.package_id)).size === apps.length, 'names an app twice'),
});

/**
 * The schema's verdict on one check. Throws BAD_REQUEST (no JSON) and VALIDATION with the fields that are wrong. However deep the
 * bytes nest: the shape ends at the third level, and nothing below is walked.
 */
export function parseUpdateCheck(bytes: Buffer): z.output<typeof updateCheck> {
  const result = updateCheck.safeParse(json(bytes));
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

function json(bytes: Buffer): unknown {
  try {
    if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new DomainError('BAD_REQUEST', 'The body is not JSON in UTF-8.');
  }
}
