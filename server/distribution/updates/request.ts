/** Owns getting from a device's update check to checked values, within bounds set before any work. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../../format/manifest-schema.ts';
import { parseSemver, type Semver } from '../../../format/semver.ts';
import { TRACKS } from '../../../format/trust/targets.ts';
import { DomainError } from '../../errors.ts';
import { readBody } from '../../http/body.ts';

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

const updateCheck = z.strictObject({
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
 * Reads one check. Throws UNSUPPORTED_MEDIA_TYPE (no plain JSON), BODY_TOO_LARGE, TIMEOUT, BAD_REQUEST (no JSON) and VALIDATION
 * with the fields that are wrong.
 */
export async function readUpdateCheck(request: IncomingMessage): Promise<UpdateCheck> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (type !== 'application/json' || encoding !== 'identity')
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json, without a Content-Encoding.');
  const { maxBytes, bodyTimeoutMs } = UPDATE_CHECK_LIMITS;
  return parseUpdateCheck(await readBody(request, { maxBytes, timeoutMs: bodyTimeoutMs }));
}

/** The same for bytes that are there. However deep they nest: the shape ends at the third level, and nothing below is walked. */
export function parseUpdateCheck(bytes: Buffer): UpdateCheck {
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
