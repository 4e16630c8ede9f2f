/** Owns the limits every document must keep before it runs, as plugins of the one pipeline both transports use. */
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, GraphQLError, type GraphQLSchema, type ValidationRule } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ErrorCode } from '../errors.ts';
import { ALIAS_LIMIT, COST_LIMIT, DEPTH_LIMIT, TOKEN_LIMIT } from './limits.ts';

/** A client mistake in the document itself: HTTP 400, with its code. */
export function documentError(code: ErrorCode, message: string, extra: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...extra, http: { status: 400 } } });
}

function refuse(code: ErrorCode, limit: number, what: string) {
  return () => {
    throw documentError(code, `This operation ${what}; the limit is ${limit}. Split it into smaller ones.`, { limit });
  };
}

/** Depth, aliases and tokens. Cost is checked by the schema itself, and for subscriptions by `checkCost`. */
export function guardPlugins() {
  return [
    maxTokensPlugin({ n: TOKEN_LIMIT, onReject: [refuse('QUERY_TOO_LARGE', TOKEN_LIMIT, 'has too many tokens')] }),
    maxDepthPlugin({
      n: DEPTH_LIMIT,
      flattenFragments: true,
      ignoreIntrospection: true,
      onReject: [refuse('QUERY_TOO_DEEP', DEPTH_LIMIT, 'is nested too deeply')],
    }),
    maxAliasesPlugin({
      n: ALIAS_LIMIT,
      // The default lets any field pass that is called `__typename`.
      allowList: [],
      onReject: [refuse('QUERY_TOO_MANY_ALIASES', ALIAS_LIMIT, 'has too many aliases')],
    }),
    useSingleIntrospection(),
  ];
}

/**
 * Introspection has no price, so each part of the schema is answered once: under aliases, 2 KB of query would make a
 * megabyte of answer.
 */
function useSingleIntrospection(): Plugin {
  const rule: ValidationRule = (context) => ({
    Field(node) {
      if (node.alias === undefined) return;
      if (node.name.value === '__schema' || context.getParentType()?.name.startsWith('__') === true) {
        throw documentError('QUERY_TOO_MANY_ALIASES', 'Introspection takes no aliases. Ask for each part once.', {
          limit: 0,
        });
      }
    },
  });
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(rule);
    },
  };
}

/**
 * Throws QUERY_TOO_COSTLY before an operation starts; the schema's own check comes only once a root field runs, and for a
 * subscription at each event.
 */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  context: object,
): void {
  const cost = costOf(schema, document, variables, context);
  if (cost !== null && cost > COST_LIMIT) {
    throw documentError(
      'QUERY_TOO_COSTLY',
      `This operation costs ${Math.ceil(cost)}; the limit is ${COST_LIMIT}. Ask for fewer fields or smaller pages.`,
      { cost: Math.ceil(cost), limit: COST_LIMIT },
    );
  }
}

/** Null where variables do not fit the document, which the executor says better. */
function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  ctx: object,
): number | null {
  try {
    return complexityFromQuery(document, { schema, variables, ctx }).complexity;
  } catch (error) {
    if (error instanceof GraphQLError) return null;
    throw error;
  }
}
