// Makes the typed operations of the portal and the command line from schema.graphql; run by `npm run generate`.
import type { CodegenConfig } from '@graphql-codegen/cli';

/** Operations stay text: smaller than their syntax trees, and what the server's trusted documents are keyed by. */
const settings = {
  plugins: ['typescript-operations', 'typed-document-node'],
  config: {
    documentMode: 'string',
    enumsAsTypes: true,
    useTypeImports: true,
    strictScalars: true,
    scalars: {
      DateTime: 'string',
      Date: 'string',
      URL: 'string',
      SemVer: 'string',
      Sha256: 'string',
      BigInt: 'number | string',
      EventCursor: 'string',
    },
  },
};

const config: CodegenConfig = {
  schema: 'schema.graphql',
  ignoreNoDocuments: true,
  generates: {
    'web/src/lib/graphql/generated/graphql.ts': { documents: ['web/src/**/*.graphql'], ...settings },
    'cli/generated/operations.ts': { documents: ['cli/operations/**/*.graphql'], ...settings },
  },
};

export default config;
