/** Owns the pieces that both halves of the OpenAPI document share. */

/** One JSON object of the document. */
export type Json = { readonly [key: string]: unknown };

/** A problem answer with what makes it happen. */
export function problem(description: string, headers: Json = {}): Json {
  return {
    description,
    headers,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
