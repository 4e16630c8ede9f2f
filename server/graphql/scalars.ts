/** Owns the custom scalars' wire forms: how each is written, parsed and refused. */
import { GraphQLError } from 'graphql';

function refuse(name: string, rule: string): GraphQLError {
  return new GraphQLError(`${name} ${rule}`, { extensions: { code: 'BAD_REQUEST' } });
}

function textScalar(name: string, pattern: RegExp, rule: string) {
  return (value: unknown): string => {
    if (typeof value !== 'string' || !pattern.test(value)) throw refuse(name, rule);
    return value;
  };
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const LARGEST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** Parses an RFC 3339 instant; throws a client error for anything else. */
export function parseDateTime(value: unknown): Date {
  if (typeof value === 'string' && DATE_TIME.test(value)) {
    const date = new Date(value);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw refuse('DateTime', 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z');
}

/** Parses a calendar day `YYYY-MM-DD` that exists. */
export function parseDate(value: unknown): string {
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)) {
    const date = new Date(`${value}T00:00:00Z`);
    if (!Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)) return value;
  }
  throw refuse('Date', 'must be a day such as 2026-01-31');
}

export const parseSha256 = textScalar('Sha256', /^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');
export const parseEventCursor = textScalar(
  'EventCursor',
  /^[0-9A-Za-z_-]{1,64}\.\d{1,19}$/,
  'must be a cursor an event carried',
);
export const parseSemVer = textScalar(
  'SemVer',
  /^\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,128}$/,
  'must be a semantic version such as 1.4.0',
);

/** Parses an absolute http or https URL of at most 2,048 characters. */
export function parseUrl(value: unknown): string {
  if (typeof value === 'string' && value.length <= 2048) {
    const url = URL.parse(value);
    if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return value;
  }
  throw refuse('URL', 'must be an absolute http or https URL');
}

/** A whole number that may pass 32 bits: a JSON number while exact, else a string of digits. */
export function serializeBigInt(value: unknown): number | string {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'bigint')
    return value <= LARGEST_EXACT && value >= -LARGEST_EXACT ? Number(value) : value.toString();
  throw refuse('BigInt', 'must be a whole number');
}

export function parseBigInt(value: unknown): number {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw refuse('BigInt', 'must be a whole number');
}
