/** The public schema: committed as it is, and described to its last value. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../server/errors.ts';
import { schema } from '../server/graphql/index.ts';
import { printedSchema } from '../server/graphql/print.ts';

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

describe('the schema', () => {
  it('is committed as it is now; `npm run generate` writes it', async () => {
    const committed = await readFile(join(import.meta.dirname, '..', 'schema.graphql'), 'utf8');
    expect(committed).toBe(printedSchema());
  });

  it('describes every type, field, argument, input field and enum value', () => {
    const bare: string[] = [];
    const look = (name: string, { description }: { description?: string | null | undefined }) => {
      if (description === undefined || description === null || description.trim() === '') bare.push(name);
    };
    for (const type of types) {
      look(type.name, type);
      if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field);
        if ('args' in field) for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name})`, arg);
      }
    }
    expect(bare).toEqual([]);
  });

  it('says of every nullable field of its own what null means', () => {
    const silent: string[] = [];
    for (const type of types) {
      if (!isObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        if (isNonNullType(field.type) || /Connection(Edge)?$|^PageInfo$/.test(type.name)) continue;
        if (!/\bnull\b|, where|\bfor [A-Z_]+/i.test(field.description ?? '')) silent.push(`${type.name}.${field.name}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it('gives every mutation at most one argument, `input`, and a union of its payload and typed errors', () => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      expect([field.name, field.args.map(({ name }) => name).filter((name) => name !== 'input')]).toEqual([
        field.name,
        [],
      ]);
      const result = getNamedType(field.type);
      if (!isUnionType(result)) throw new Error(`${field.name} answers no union`);
      const members = result.getTypes();
      const errors = members.filter((type) => type.getInterfaces().some(({ name }) => name === 'Error'));
      expect([field.name, members.length - errors.length, errors.length > 0]).toEqual([field.name, 1, true]);
    }
  });

  it('has the error codes of the server, all of them', () => {
    const type = schema.getType('ErrorCode');
    if (!isEnumType(type)) throw new Error('ErrorCode is no enum');
    expect(
      type
        .getValues()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...ERROR_CODES].sort());
  });
});
