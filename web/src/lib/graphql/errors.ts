// Reads the failures of GraphQL answers: the typed problems of mutations and the errors beside the data. Pure.
import type { CombinedError } from '@urql/core';

/** A typed refusal of a mutation, in the shape every page shows. */
export type Problem = {
  code: string;
  message: string;
  /** Messages by input field, such as `email`. */
  fields: Readonly<Record<string, string>>;
};

/** Whether any of the answer's errors carries `code`. */
export function hasCode(error: CombinedError | undefined, code: string): boolean {
  return error?.graphQLErrors.some((each) => each.extensions.code === code) ?? false;
}

/**
 * Whether the server refused the id that a page took from its address: one that it never gave names nothing. Only the field asked
 * for itself is meant, so that a document which the server does not understand stays a failure.
 */
export function namesNothing(error: CombinedError | undefined): boolean {
  const first = error?.graphQLErrors[0];
  return first?.extensions.code === 'BAD_REQUEST' && first.path?.length === 1;
}

/** What to tell a person: the server's own words, or that it could not be reached. */
export function messageOf(error: CombinedError, unreachable: string): string {
  const first = error.graphQLErrors[0];
  return error.networkError || !first ? unreachable : first.message;
}

/** The problem inside a mutation's result union, or null when it is the payload. */
export function problemOf(result: unknown): Problem | null {
  if (!isRecord(result)) return { code: 'INTERNAL', message: '', fields: {} };
  const name = result.__typename;
  if (typeof name === 'string' && name.endsWith('Payload')) return null;
  const fields: Record<string, string> = {};
  const given: unknown = result.fields;
  for (const each of Array.isArray(given) ? given : []) {
    if (!isRecord(each)) continue;
    const path = String(each.path).replace(/^input\./, '');
    fields[path] ??= String(each.message);
  }
  return { code: String(result.code ?? 'INTERNAL'), message: String(result.message ?? ''), fields };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
