/** Owns holding an answer against the OpenAPI document: that its status is described, with its headers, its type and its schema. */
import { expect } from 'vitest';
import { z } from 'zod';
import { openApiDocument } from '../../server/distribution/openapi.ts';

interface Described {
  readonly headers?: Record<string, unknown>;
  readonly content?: Record<string, { readonly schema: unknown }>;
}
interface Spec {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Described> }>>;
  readonly components: { readonly schemas: object };
}
type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

export const spec = openApiDocument('https://apps.example.org') as unknown as Spec;

/** A schema of the document as one that parses; what it refers to lies in its components. */
export function schemaOf(schema: unknown): z.ZodType {
  const $defs = spec.components.schemas;
  const text = JSON.stringify({ allOf: [schema], $defs }).replaceAll('#/components/schemas/', '#/$defs/');
  return z.fromJSONSchema(JSON.parse(text) as JsonSchema);
}

/** Fails unless the answer is one that the document has for this operation. Gives the body, parsed where it is JSON. */
export async function expectDescribed(method: 'get' | 'post', path: string, response: Response): Promise<unknown> {
  const described = spec.paths[path]?.[method]?.responses[String(response.status)];
  if (described === undefined) throw new Error(`${method} ${path} with ${response.status} is not described`);
  for (const name of Object.keys(described.headers ?? {})) expect(response.headers.has(name), name).toBe(true);
  const type = response.headers.get('content-type')?.split(';')[0];
  const content = described.content ?? {};
  expect(Object.keys(content)).toEqual(type === undefined ? [] : [type]);
  const text = await response.text();
  if (type === undefined || !/\bjson$/.test(type)) return null;
  const body: unknown = JSON.parse(text);
  const parsed = schemaOf(content[type]?.schema).safeParse(body);
  expect(parsed.error?.issues ?? [], text.slice(0, 500)).toEqual([]);
  return body;
}
