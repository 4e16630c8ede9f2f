/** Owns printing the schema: `node server/graphql/print.ts FILE` writes it, without an argument it goes to standard output. */
import { writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from './index.ts';

/** The schema as committed in schema.graphql: sorted, with descriptions, ending in a newline. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}

if (import.meta.main) {
  const target = process.argv[2];
  if (target === undefined) process.stdout.write(printedSchema());
  else writeFileSync(target, printedSchema());
}
