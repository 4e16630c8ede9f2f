/**
 * Owns the kinds of fields that an event's data has, each as a zod schema and as a plain test. The test is the way of the
 * many (it makes no garbage); the schema explains a refusal. Both accept the same values, which a property test watches.
 */
import { z } from 'zod';
import { MAX_SEMVER_LENGTH, SEMVER_PATTERN } from '../../format/semver.ts';

/** How a field's value stands in JSON. */
export type FieldKind = 'number' | 'boolean' | 'string';

/** One field of an event's data. */
export interface Field {
  readonly kind: FieldKind;
  readonly schema: z.ZodType;
  readonly accepts: (value: unknown) => boolean;
  readonly required: boolean;
}

/** All of an event's data: no other fields; left out whole only where it is optional. */
export interface DataShape {
  readonly fields: ReadonlyMap<string, Field>;
  /** Whether an event may leave its data out whole. */
  readonly optional: boolean;
  readonly schema: z.ZodType;
  readonly accepts: (data: unknown) => boolean;
}

export const semver = z
  .string()
  .max(MAX_SEMVER_LENGTH)
  .regex(SEMVER_PATTERN, 'must be a semantic version such as 1.0.0');

/** A number from `least` to `most`, both included. */
export function numberField(least: number, most: number): Field {
  return {
    kind: 'number',
    schema: z.number().min(least).max(most),
    accepts: (value) => typeof value === 'number' && value >= least && value <= most,
    required: true,
  };
}

/** A whole number from `least` to `most`, both included. */
export function integerField(least: number, most: number): Field {
  return {
    kind: 'number',
    schema: z.int().min(least).max(most),
    accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    required: true,
  };
}

/** Text of `least` (0 or 1) to `most` characters: Unicode code points, as zod and JSON Schema count them. */
export function textField(least: number, most: number): Field {
  return {
    kind: 'string',
    schema: z.string().min(least).max(most),
    accepts: (value) => typeof value === 'string' && value.length >= least && hasAtMost(value, most),
    required: true,
  };
}

function hasAtMost(text: string, most: number): boolean {
  if (text.length <= most) return true;
  if (text.length > 2 * most) return false;
  let characters = 0;
  for (const _ of text) characters += 1;
  return characters <= most;
}

export const booleanField: Field = {
  kind: 'boolean',
  schema: z.boolean(),
  accepts: (value) => typeof value === 'boolean',
  required: true,
};

export const semverField: Field = {
  kind: 'string',
  schema: semver,
  accepts: (value) => typeof value === 'string' && value.length <= MAX_SEMVER_LENGTH && SEMVER_PATTERN.test(value),
  required: true,
};

/** One of the values. */
export function choiceField(values: readonly [string, ...string[]]): Field {
  const known: ReadonlySet<unknown> = new Set(values);
  return { kind: 'string', schema: z.enum(values), accepts: (value) => known.has(value), required: true };
}

/** The field, or nothing. */
export function optional(field: Field): Field {
  return { ...field, schema: field.schema.optional(), required: false };
}

/** Data of these fields and no others. */
export function dataOf(fields: Readonly<Record<string, Field>>): DataShape {
  const byName: ReadonlyMap<string, Field> = new Map(Object.entries(fields));
  const needed = [...byName.values()].filter((field) => field.required).length;
  const shape = Object.fromEntries([...byName].map(([name, { schema }]) => [name, schema]));
  return {
    fields: byName,
    optional: false,
    schema: z.strictObject(shape),
    accepts(data) {
      if (typeof data !== 'object' || data === null || Array.isArray(data)) return false;
      let found = 0;
      for (const [name, value] of Object.entries(data)) {
        const field = byName.get(name);
        if (field?.accepts(value) !== true) return false;
        if (field.required) found += 1;
      }
      return found === needed;
    },
  };
}

/** The same, and the data may be left out whole. */
export function optionalDataOf(fields: Readonly<Record<string, Field>>): DataShape {
  const { schema, accepts, fields: byName } = dataOf(fields);
  return {
    fields: byName,
    optional: true,
    schema: schema.optional(),
    accepts: (data) => data === undefined || accepts(data),
  };
}
