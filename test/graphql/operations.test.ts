/** Every operation of the portal and the command line against the schema and its limits: they must run on a real server. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  GraphQLID,
  type GraphQLInputType,
  GraphQLInt,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  type SelectionSetNode,
  separateOperations,
  typeFromAST,
  validate,
  visit,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../server/graphql/index.ts';
import { ALIAS_LIMIT, COST_LIMIT, DEPTH_LIMIT } from '../../server/graphql/limits.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** All documents of a client together, for fragments live in other files than what uses them. */
function operationsOf(folder: string): [string, DocumentNode][] {
  const texts = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.graphql') && !name.includes('node_modules'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'));
  return Object.entries(separateOperations(parse(texts.join('\n'))));
}

function depthOf(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions.flatMap((each) =>
      each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each.selectionSet] as const] : [],
    ),
  );
  const deepest = (set: SelectionSetNode | undefined): number =>
    Math.max(
      0,
      ...(set?.selections ?? []).map((selection) => {
        if (selection.kind === Kind.FIELD) return 1 + deepest(selection.selectionSet);
        return deepest(
          selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection.selectionSet,
        );
      }),
    );
  return Math.max(
    ...document.definitions.map((each) => (each.kind === Kind.OPERATION_DEFINITION ? deepest(each.selectionSet) : 0)),
  );
}

const SCALARS: Readonly<Record<string, unknown>> = {
  Int: 100,
  Float: 1,
  Boolean: true,
  BigInt: 1,
  Sha256: 'a'.repeat(64),
  DateTime: '2026-01-31T12:00:00Z',
  Date: '2026-01-31',
  URL: 'https://example.org',
  SemVer: '1.0.0',
  EventCursor: 'a.1',
  // Of the form that every global id has.
  ID: Buffer.from('App:1').toString('base64'),
};

/** Types that their ids name in short. */
const LONGER_NAMES: Readonly<Record<string, string>> = { delivery: 'WebhookDelivery' };

function sampleOf(type: GraphQLInputType, name: string): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType, name);
  if (isListType(type)) return [];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  // An input's global ids name their type: `apiKeyId`.
  const owner = /^(\w+)Id$/.exec(name)?.[1];
  if (type === GraphQLID && owner !== undefined)
    return Buffer.from(`${LONGER_NAMES[owner] ?? owner.charAt(0).toUpperCase() + owner.slice(1)}:1`).toString('base64');
  if (!isInputObjectType(type)) return SCALARS[type.name] ?? 'text';
  const required = Object.values(type.getFields()).filter((field) => isNonNullType(field.type));
  return Object.fromEntries(required.map((field) => [field.name, sampleOf(field.type, field.name)]));
}

/** Variables that fit: what the operation says itself, and pages of 100. */
function variablesOf(document: DocumentNode): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  visit(document, {
    VariableDefinition({ variable, type: node, defaultValue }) {
      const type = typeFromAST(schema, node);
      if (isInputType(type) && (isNonNullType(type) || (type === GraphQLInt && defaultValue === undefined)))
        variables[variable.name.value] = sampleOf(type, variable.name.value);
    },
  });
  return variables;
}

/** As the portal's cache sends it: the type of everything, too. */
function withTypenames(document: DocumentNode): DocumentNode {
  const typename = parse('{ __typename }').definitions.flatMap((each) =>
    each.kind === Kind.OPERATION_DEFINITION ? each.selectionSet.selections : [],
  );
  return visit(document, {
    SelectionSet: {
      leave(node, _key, parent) {
        const isRoot = parent !== undefined && 'kind' in parent && parent.kind === Kind.OPERATION_DEFINITION;
        const has = node.selections.some((one) => one.kind === Kind.FIELD && one.name.value === '__typename');
        return isRoot || has ? undefined : { ...node, selections: [...node.selections, ...typename] };
      },
    },
  });
}

describe.each(['web/src', 'cli/operations'])('operations of %s', (folder) => {
  const operations = operationsOf(folder);

  it('are found', () => expect(operations.length).toBeGreaterThan(5));

  it.each(operations)('%s fits the schema and keeps every limit', (_name, document) => {
    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
    expect(depthOf(document)).toBeLessThanOrEqual(DEPTH_LIMIT);
    let aliases = 0;
    visit(document, {
      Field({ alias }) {
        if (alias !== undefined) aliases += 1;
      },
    });
    expect(aliases).toBeLessThanOrEqual(ALIAS_LIMIT);
    // The portal's cache asks for the type of everything, which costs too.
    const sent = folder === 'web/src' ? withTypenames(document) : document;
    const { complexity } = complexityFromQuery(sent, { schema, variables: variablesOf(document), ctx: {} });
    expect(complexity).toBeLessThanOrEqual(COST_LIMIT);
  });
});
