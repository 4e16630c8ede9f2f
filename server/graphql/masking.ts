/** Owns what a client sees of a failure in `errors`: its own mistakes whole, our faults as a reference to the log. */
import { GraphQLError } from 'graphql';
import { DomainError, ERROR_CODES } from '../errors.ts';
import { statusOf } from '../http/problem.ts';
import type { Log } from '../platform/log.ts';

/** Maps anything thrown during an operation; a fault is logged under `reference` and its text is not shown. */
export function maskError(error: unknown, reference: string, log: Log): GraphQLError {
  const original = originOf(error);
  if (original instanceof GraphQLError) return withCode(error instanceof GraphQLError ? error : original);
  const place = error instanceof GraphQLError ? placeOf(error) : {};
  if (original instanceof DomainError && original.code !== 'INTERNAL') {
    const { retryAfterSeconds, currentState, fields } = original.details;
    return new GraphQLError(original.message, {
      ...place,
      extensions: {
        code: original.code,
        ...(fields === undefined ? {} : { fields }),
        ...(currentState === undefined ? {} : { currentState }),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
        ...(original.code === 'UNAUTHENTICATED'
          ? {}
          : { http: { status: statusOf(original.code) === 429 ? 429 : 200 } }),
      },
    });
  }
  log.error({ err: original, reference }, 'fault in a resolver');
  return new GraphQLError(`Something failed on our side. Quote the reference ${reference} when you report it.`, {
    ...place,
    extensions: { code: 'INTERNAL', reference },
  });
}

/** What was thrown first: executors and transports each wrap it once more. A GraphQLError of nothing else is its own origin. */
function originOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originOf(error.originalError) : error;
}

/** Libraries have codes of their own (GRAPHQL_PARSE_FAILED, …); clients get the words of our one list. */
function withCode(error: GraphQLError): GraphQLError {
  if (ERROR_CODES.some((code) => code === error.extensions.code)) return error;
  return new GraphQLError(error.message, {
    ...placeOf(error),
    extensions: { ...error.extensions, code: 'BAD_REQUEST' },
  });
}

/** Where in the document and the answer an error belongs. */
function placeOf(error: GraphQLError) {
  return {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
  };
}
