/** Owns the words for the few fields that plugins make and let nobody describe. It changes nothing else of the schema. */
import { type GraphQLSchema, isObjectType } from 'graphql';

const WORDS: Readonly<Record<string, string>> = {
  nodes: 'The objects of the page.',
  totalCount: 'How many there are in the whole list.',
};

/** Describes the bare fields of connections in place, and gives the schema back. */
export function describeConnections(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || !type.name.endsWith('Connection')) continue;
    for (const field of Object.values(type.getFields())) field.description ??= WORDS[field.name];
  }
  return schema;
}
