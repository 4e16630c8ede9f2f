/** Owns the Yoga server: schema, guards, masking. Both the HTTP edge and the socket run operations through it. */
import { type DefinitionNode, type GraphQLSchema, OperationTypeNode } from 'graphql';
import { createYoga, type GraphiQLOptions, type Plugin } from 'graphql-yoga';
import type { GraphContext } from './context.ts';
import { checkCost, documentError, guardPlugins } from './guards.ts';
import { MAX_BODY_BYTES } from './limits.ts';
import { maskError } from './masking.ts';

export interface YogaOptions {
  readonly schema: GraphQLSchema;
  /** GraphiQL is served in development only. */
  readonly graphiql: boolean;
}

/** The Yoga server with every guard; `GraphContext` is given by the caller for each operation. */
export function createGraphql({ schema, graphiql }: YogaOptions) {
  return createYoga<GraphContext>({
    schema,
    graphqlEndpoint: '/graphql',
    logging: false,
    landingPage: false,
    graphiql: graphiql ? { title: 'Mosis GraphQL', subscriptionsProtocol: 'WS' } : false,
    // Loaded when somebody first opens it: the page brings megabytes of script.
    ...(graphiql ? { renderGraphiQL: renderGraphiql } : {}),
    cors: false,
    batching: false,
    multipart: false,
    maxRequestBodySize: MAX_BODY_BYTES,
    maskedErrors: false,
    plugins: [...guardPlugins(), useTransportRules(), useMasking()],
  });
}

/** The running Yoga server. */
export type GraphqlServer = ReturnType<typeof createGraphql>;

async function renderGraphiql(options: GraphiQLOptions): Promise<BodyInit> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return renderGraphiQL(options);
}

/** Mutations only over HTTP, subscriptions only over a socket. */
function useTransportRules(): Plugin<GraphContext> {
  return {
    onSubscribe({ args }) {
      if (args.contextValue.caller.transport === 'http') {
        throw documentError(
          'BAD_REQUEST',
          'Subscriptions run over a WebSocket on this same path (graphql-transport-ws), not over HTTP.',
        );
      }
    },
    onExecute({ args }) {
      const operation = args.document.definitions.find(
        (definition: DefinitionNode) =>
          definition.kind === 'OperationDefinition' &&
          (args.operationName === undefined ||
            args.operationName === null ||
            definition.name?.value === args.operationName),
      );
      const isMutation =
        operation?.kind === 'OperationDefinition' && operation.operation === OperationTypeNode.MUTATION;
      if (isMutation && args.contextValue.caller.transport === 'socket') {
        throw documentError('BAD_REQUEST', 'Mutations run over HTTP POST, not over a WebSocket.');
      }
      checkCost(args.schema, args.document, args.variableValues ?? {}, args.contextValue);
    },
  };
}

/** Every answer passes here, whether it failed at parsing, at a guard or in a resolver. The socket masks its own. */
function useMasking(): Plugin<GraphContext, GraphContext> {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      const { caller, log } = serverContext;
      if (Symbol.asyncIterator in result || Array.isArray(result) || result.errors === undefined) return;
      setResult({ ...result, errors: result.errors.map((error) => maskError(error, caller.requestId, log)) });
    },
  };
}
