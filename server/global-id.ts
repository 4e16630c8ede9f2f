/** Owns how a global id is written where GraphQL is not at hand: the same text as the `id` of the object in the API. Pure. */

/** The global id of an object of a type; opaque to clients. */
export function globalId(typename: string, id: string): string {
  return Buffer.from(`${typename}:${id}`).toString('base64');
}

/** The id in a global id of that type; null for any other text. */
export function localId(typename: string, text: string): string | null {
  const plain = Buffer.from(text, 'base64').toString('utf8');
  return plain.startsWith(`${typename}:`) ? plain.slice(typename.length + 1) : null;
}
