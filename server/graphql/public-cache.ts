/**
 * Owns serialised answers to public, anonymous queries. It holds an answer only while the store has not changed: the
 * event log tells when to drop it. What is public is a closed list of root fields.
 */
import { createHash } from 'node:crypto';
import { type DocumentNode, Kind, OperationTypeNode, parse } from 'graphql';
import { createByteCache } from '../platform/byte-cache.ts';
import { TOKEN_LIMIT } from './limits.ts';

/** Root fields whose answers are the same for every viewer. */
const PUBLIC_FIELDS = new Set(['store', 'storeApp', 'finding', 'findingCatalogue', 'permissions', '__typename']);
const MAX_KEY_BYTES = 16 * 1024;
const MAX_DOCUMENTS = 1_000;

export interface PublicCacheOptions {
  /** Bytes of kept answers and keys; the longest unused go first. */
  readonly maxBytes: number;
}

export interface GraphqlParams {
  readonly query: string;
  readonly operationName?: string | undefined;
  readonly variables?: Record<string, unknown> | undefined;
}

/** An answer as it goes out. */
export interface SerialisedAnswer {
  readonly type: string;
  readonly bytes: Buffer;
}

export interface PublicCache {
  /** The key of a cacheable operation, or null where its answer may differ by viewer; `accept` decides the answer's type. */
  keyOf(params: GraphqlParams, accept: string): string | null;
  get(key: string): SerialisedAnswer | undefined;
  /** Keeps an answer that was computed while the cache was at `generation`. */
  set(key: string, answer: SerialisedAnswer, generation: number): void;
  /** Moves with every `clear`, so that an answer computed before a change is not kept after it. */
  generation(): number;
  clear(): void;
}

/** Makes an empty cache of at most `maxBytes`. */
export function createPublicCache({ maxBytes }: PublicCacheOptions): PublicCache {
  const answers = createByteCache<SerialisedAnswer>({
    maxBytes,
    maxValueBytes: maxBytes / 8,
    sizeOf: ({ bytes }, key) => key.length + bytes.length,
  });
  const documents = new Map<string, boolean>();
  let generation = 0;

  return {
    keyOf({ query, operationName, variables }, accept) {
      if (query.length > MAX_KEY_BYTES || accept.length > 256) return null;
      let isPublic = documents.get(query);
      if (isPublic === undefined) {
        isPublic = isPublicDocument(query);
        if (documents.size >= MAX_DOCUMENTS) documents.clear();
        documents.set(query, isPublic);
      }
      if (!isPublic) return null;
      const text = JSON.stringify([query, operationName ?? null, variables ?? null, accept]);
      return text.length > MAX_KEY_BYTES ? null : createHash('sha256').update(text).digest('base64');
    },
    get: answers.get,
    set(key, answer, computedAt) {
      if (computedAt === generation) answers.set(key, answer);
    },
    generation: () => generation,
    clear() {
      generation += 1;
      answers.clear();
    },
  };
}

function isPublicDocument(query: string): boolean {
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: TOKEN_LIMIT, noLocation: true });
  } catch {
    return false;
  }
  const [operation, ...others] = document.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (operation === undefined || others.length > 0 || operation.operation !== OperationTypeNode.QUERY) return false;
  return operation.selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && PUBLIC_FIELDS.has(selection.name.value),
  );
}
