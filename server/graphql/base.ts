/** Owns the types every feature shares: scalars, error codes and problem types. No type of the domain is here. */
import { ERROR_CODES, ERROR_MEANINGS } from '../errors.ts';
import { builder } from './builder.ts';
import { ConflictProblem, DomainProblem, RateLimitedProblem, ValidationProblem } from './errors.ts';
import {
  parseBigInt,
  parseDate,
  parseDateTime,
  parseEventCursor,
  parseSemVer,
  parseSha256,
  parseUrl,
  serializeBigInt,
} from './scalars.ts';

builder.scalarType('DateTime', {
  description: 'An instant as RFC 3339, always UTC in answers: `2026-01-31T12:00:00.000Z`.',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
});
builder.scalarType('Date', {
  description: 'A calendar day in UTC: `2026-01-31`.',
  serialize: (value) => value,
  parseValue: parseDate,
});
builder.scalarType('URL', { description: 'An absolute URL.', serialize: (value) => value, parseValue: parseUrl });
builder.scalarType('SemVer', {
  description: 'A semantic version 2.0.0: `1.4.0`.',
  serialize: (value) => value,
  parseValue: parseSemVer,
});
builder.scalarType('Sha256', {
  description: 'A SHA-256 digest as 64 lower-case hexadecimal digits.',
  serialize: (value) => value,
  parseValue: parseSha256,
});
builder.scalarType('BigInt', {
  description:
    'A whole number that may pass 32 bits, in bytes or as a count: a JSON number up to 2^53 - 1, a string of digits beyond.',
  serialize: serializeBigInt,
  parseValue: parseBigInt,
});
builder.scalarType('EventCursor', {
  description:
    'The place of an event in the log, `{epoch}.{n}`. Give the last one seen as `after` to go on from there.',
  serialize: (value) => value,
  parseValue: parseEventCursor,
});

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Every code an expected failure can carry; the same word in REST problems and in the CLI.',
  values: Object.fromEntries(ERROR_CODES.map((code) => [code, { value: code, description: ERROR_MEANINGS[code] }])) as {
    [Code in (typeof ERROR_CODES)[number]]: { value: Code; description: string };
  },
});

const ErrorInterface = builder.interfaceRef<DomainProblem>('Error').implement({
  description: 'An expected failure: what happened, and what to do about it.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What went wrong, as a stable word.' }),
    message: t.exposeString('message', { description: 'What went wrong and what to do, for people.' }),
  }),
});

builder.objectType(DomainProblem, {
  name: 'DomainProblem',
  description: 'An expected failure that its code and message say all about.',
  interfaces: [ErrorInterface],
});

const FieldProblem = builder.objectRef<{ readonly path: string; readonly message: string }>('FieldProblem').implement({
  description: 'One input field that breaks a rule.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where in the input: `input.email`.' }),
    message: t.exposeString('message', { description: 'Which rule, and what would be right.' }),
  }),
});

builder.objectType(ValidationProblem, {
  name: 'ValidationError',
  description: 'Input that breaks a rule; nothing was changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    fields: t.field({
      type: [FieldProblem],
      description: 'The fields at fault.',
      resolve: (problem) => [...(problem.details.fields ?? [])],
    }),
  }),
});

builder.objectType(ConflictProblem, {
  name: 'ConflictError',
  description: 'Somebody was faster, or the object is in another state than this act needs; nothing was changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    currentState: t.string({
      nullable: true,
      description: 'The state the object is in now; null where no single state says it.',
      resolve: (problem) => problem.details.currentState ?? null,
    }),
  }),
});

builder.objectType(RateLimitedProblem, {
  name: 'RateLimitedError',
  description: 'Too many tries; nothing was changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterSeconds: t.int({
      description: 'Whole seconds to wait before the next try.',
      resolve: (problem) => Math.max(1, Math.ceil(problem.details.retryAfterSeconds ?? 1)),
    }),
  }),
});
