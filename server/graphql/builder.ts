/**
 * Owns the one Pothos builder: its plugins, their settings and the context type. It defines no types of the domain;
 * each feature's schema.ts does, next to the service it calls.
 *
 * A mutation: `errors: {}` makes its result the union `<Field>Result = <Field>Payload | problems`, and a DomainError thrown
 * by the service (or an input refused by its zod schema) becomes the fitting problem type of ./errors.ts:
 *
 *   builder.mutationField('renameThing', (t) => t.field({
 *     type: RenameThingPayload, errors: {}, description: '…',
 *     args: { input: t.arg({ type: RenameThingInput, required: true }) },   // builder.inputType('…', { fields, validate: zodSchema })
 *     resolve: (_, { input }, ctx) => ctx.services.things.rename(ctx.viewer, input, ctx.request),
 *   }))
 */
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import ValidationPlugin from '@pothos/plugin-validation';
import {
  GraphQLError,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
} from 'graphql';
import { DomainError } from '../errors.ts';
import type PrismaTypes from '../generated/pothos.ts';
import { getDatamodel } from '../generated/pothos.ts';
import { isNotFound } from '../platform/db/errors.ts';
import type { GraphContext } from './context.ts';
import { ConflictProblem, DomainProblem, RateLimitedProblem, ValidationProblem } from './errors.ts';
import { COST_LIMIT } from './limits.ts';

export interface SchemaShape {
  Context: GraphContext;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  AuthScopes: {
    /** Any account, by session, CLI session or API key. */
    signedIn: boolean;
    /** A person in the portal: reviewer and admin acts are never done by keys or the CLI. */
    reviewer: boolean;
    admin: boolean;
  };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    Date: { Input: string; Output: string };
    URL: { Input: string; Output: string };
    SemVer: { Input: string; Output: string };
    Sha256: { Input: string; Output: string };
    BigInt: { Input: number; Output: number | bigint };
    EventCursor: { Input: string; Output: string };
  };
}

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;
const LIST_MULTIPLIER = 10;

/** Words for what every list of pages has. */
const CONNECTION_DESCRIPTIONS = {
  pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
  idFieldOptions: { description: 'Global id.' },
  cursorFieldOptions: { description: 'The place of this object in the list, for `after` and `before`.' },
  nodeFieldOptions: { description: 'The object.' },
  edgesFieldOptions: { description: 'The objects of the page, each with its cursor.' },
  nodesFieldOptions: { description: 'The objects of the page.' },
  pageInfoFieldOptions: { description: 'Whether there is more, and where to go on.' },
  hasNextPageFieldOptions: { description: 'Whether more follows.' },
  hasPreviousPageFieldOptions: { description: 'Whether something comes before.' },
  startCursorFieldOptions: { description: 'Cursor of the first object; null on an empty page.' },
  endCursorFieldOptions: { description: 'Cursor of the last object; null on an empty page.' },
  beforeArgOptions: { description: 'Only what comes before this cursor.' },
  afterArgOptions: { description: 'Only what comes after this cursor.' },
  firstArgOptions: { description: `So many from the beginning; ${DEFAULT_PAGE} by default, at most ${MAX_PAGE}.` },
  lastArgOptions: { description: `So many from the end, with \`before\`; at most ${MAX_PAGE}.` },
  defaultConnectionTypeOptions: { description: 'One page of a list.' },
  defaultEdgeTypeOptions: { description: 'One object of a page and its place in the list.' },
} as const;

export const builder = new SchemaBuilder<SchemaShape>({
  // Errors come first, so that they wrap what authorization and validation throw.
  plugins: [ErrorsPlugin, ScopeAuthPlugin, PrismaPlugin, RelayPlugin, ComplexityPlugin, ValidationPlugin],
  defaultFieldNullability: false,
  errors: {
    defaultTypes: [ValidationProblem, ConflictProblem, RateLimitedProblem, DomainProblem],
    directResult: true,
    defaultUnionOptions: {
      description: 'What was done, or why it was not.',
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
    },
    // Arguments are checked before authorization: their rules are public, so a refusal reveals nothing.
    unsafelyHandleInputErrors: true,
  },
  validation: {
    validationError: (failure) =>
      new DomainError('VALIDATION', failure.issues[0]?.message ?? 'The input is not valid.', {
        fields: failure.issues.map((issue) => ({
          path: (issue.path ?? [])
            .map((part) => (typeof part === 'object' ? String(part.key) : String(part)))
            .join('.'),
          message: issue.message,
        })),
      }),
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => {
      const person = viewer.kind === 'developer' && viewer.credential.kind === 'SESSION';
      return {
        signedIn: viewer.kind === 'developer',
        reviewer: person && viewer.reviewer,
        admin: person && viewer.admin,
      };
    },
    unauthorizedError: (_parent, { viewer }) =>
      viewer.kind === 'anonymous'
        ? new DomainError('UNAUTHENTICATED', 'Sign in first: this needs an account.')
        : new DomainError('FORBIDDEN', 'Your account or key may not do this.'),
  },
  prisma: {
    client: (context) => context.db.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: false,
    filterConnectionTotalCount: true,
    maxConnectionSize: MAX_PAGE,
    defaultConnectionSize: DEFAULT_PAGE,
    onUnusedQuery: null,
  },
  relay: {
    nodeTypeOptions: { description: 'Anything that has an id of its own.' },
    nodeQueryOptions: {
      args: { id: { description: 'A global id, as this server gave it.' } },
      description: 'Any object by its global id; null where it does not exist for the viewer.',
      resolve: (_parent, { id }, _context, { schema }, resolveNode) => {
        requireNodeTypes(schema, [id]);
        return nullWhereMissing(resolveNode(id));
      },
    },
    nodesQueryOptions: {
      args: { ids: { description: 'Global ids, as this server gave them.' } },
      description:
        'Several objects by global id, in the order asked; null for each that does not exist for the viewer.',
      resolve: async (_parent, { ids }, _context, { schema }, resolveNodes) => {
        requireNodeTypes(schema, ids);
        return Promise.all((await resolveNodes(ids)).map(nullWhereMissing));
      },
    },
    nodesOnConnection: true,
    ...CONNECTION_DESCRIPTIONS,
  },
  complexity: {
    fieldComplexity: costOf,
    limit: { complexity: COST_LIMIT },
    complexityError: (_kind, result) =>
      new GraphQLError(
        `This operation costs ${Math.ceil(result.complexity)}; the limit is ${COST_LIMIT}. Ask for fewer fields or smaller pages.`,
        { extensions: { code: 'QUERY_TOO_COSTLY', cost: result.complexity, limit: COST_LIMIT, http: { status: 400 } } },
      ),
  },
});

/**
 * What a field costs that does not say so itself: one point, and for what lies under it the number of objects that there may
 * be. The `nodes` and `edges` of a page count as ten, so the page itself counts for a tenth of the objects asked for.
 */
function costOf(args: Record<string, unknown>, _context: object, field: { readonly type: GraphQLOutputType }) {
  if (getNamedType(field.type).name.endsWith('Connection')) {
    const asked = args.first ?? args.last ?? DEFAULT_PAGE;
    const size = typeof asked === 'number' ? Math.max(1, Math.min(asked, MAX_PAGE)) : MAX_PAGE;
    return { field: 1, multiplier: size / LIST_MULTIPLIER };
  }
  if (!isListType(getNullableType(field.type))) return { field: 1, multiplier: 1 };
  return { field: 1, multiplier: Array.isArray(args.ids) ? args.ids.length : LIST_MULTIPLIER };
}

/** Throws BAD_REQUEST for an id of a type that has no ids, which this server cannot have given. */
function requireNodeTypes(schema: GraphQLSchema, ids: readonly { readonly typename: string }[]): void {
  for (const { typename } of ids) {
    const type = schema.getType(typename);
    if (!isObjectType(type) || !type.getInterfaces().some((each) => each.name === 'Node'))
      throw new DomainError('BAD_REQUEST', 'An id is not one that this server gave.');
  }
}

/** A node that the viewer's condition leaves out is no fault: for them it does not exist. */
async function nullWhereMissing(node: unknown): Promise<unknown> {
  try {
    return await node;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

builder.queryType({ description: 'Everything that can be read. What the viewer may not see does not exist for them.' });
builder.mutationType({ description: 'One field for each thing a person does. Not available over a socket.' });
builder.subscriptionType({
  description: 'Live changes over graphql-ws, resumable from the cursor of the last event seen.',
});
