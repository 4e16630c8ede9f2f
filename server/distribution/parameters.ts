/** Owns the reading of path and query values of device requests. What is no package id or code names nothing: not found. */
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../format/manifest-schema.ts';
import { parseSemver } from '../../format/semver.ts';
import { invalidField, notFound } from '../errors.ts';

const MAX_PACKAGE_ID_CHARS = 128;
const VERSION_CODE = /^[1-9]\d{0,9}$/;

/** The package id of a path. Throws NOT_FOUND for anything that cannot be one. */
export function packageIdOf(text: string | undefined): string {
  if (text === undefined || text.length > MAX_PACKAGE_ID_CHARS || !PACKAGE_ID_PATTERN.test(text))
    throw notFound('The app');
  return text;
}

/** The version code of a path, in its one spelling. Throws NOT_FOUND for anything else. */
export function versionCodeOf(text: string | undefined): number {
  const code = text !== undefined && VERSION_CODE.test(text) ? Number(text) : 0;
  if (code < 1 || code > MAX_VERSION_CODE) throw notFound('The version');
  return code;
}

/** The `mosis_version` of a query, or null without one. Throws VALIDATION for what is no semantic version. */
export function mosisVersionOf(query: URLSearchParams): string | null {
  const text = query.get('mosis_version');
  if (text === null) return null;
  if (parseSemver(text) === null)
    throw invalidField('mosis_version', 'mosis_version must be a semantic version such as 1.4.0.');
  return text;
}
