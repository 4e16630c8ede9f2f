// Runs queries and mutations for components: `liveQuery` follows the cache for as long as its component lives, `mutate` answers
// with the payload or one problem.
import type { OperationResult, RequestPolicy } from '@urql/core';
import { untrack } from 'svelte';
import { WHOLE_ANSWER } from '#lib/graphql/client.ts';
import { messageOf, namesNothing, type Problem, problemOf } from '#lib/graphql/errors.ts';
import type { TypedDocumentString } from '#lib/graphql/generated/graphql.ts';
import { graph } from '#lib/graphql/graph.svelte.ts';
import { t } from '#lib/messages/messages.ts';

type Variables = Record<string, unknown>;
// The generated type describes the document; it has the variables only as a phantom, which plain typing can carry.
type Document<Data, Vars> = TypedDocumentString<Data, Vars>;

/**
 * What a page shows of a query: data, the failure when there is none, and whether an answer is on its way. With none of the three,
 * what was asked for does not exist.
 */
export class QueryView<Data> {
  #data = $state.raw<Data>();
  #error = $state.raw<string>();
  #fetching = $state(true);
  #runs = $state(0);
  #waiting: (() => void)[] = [];

  get data(): Data | undefined {
    return this.#data;
  }
  get error(): string | undefined {
    return this.#error;
  }
  get fetching(): boolean {
    return this.#fetching;
  }
  get runs(): number {
    return this.#runs;
  }

  /** Asks the server again, past the cache. Resolves once it has answered or could not be reached. */
  refetch = (): Promise<void> => {
    this.#runs += 1;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  /** A new run begins; `clear` drops the data of the one before. */
  begin(clear: boolean): void {
    if (clear) this.#data = undefined;
    this.#error = undefined;
    this.#fetching = true;
  }

  receive(result: OperationResult<Data>): void {
    const nothing = namesNothing(result.error);
    if (nothing || (result.data !== undefined && result.data !== null)) this.#data = result.data ?? undefined;
    this.#error = result.error && !nothing ? messageOf(result.error, t.errors.unreachable) : undefined;
    this.#fetching = result.stale;
    if (!result.stale) this.#answered();
  }

  pause(): void {
    this.#fetching = false;
    this.#answered();
  }

  #answered(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export type QueryOptions = {
  /** Keep showing the old answer while other variables load (filters, paging). */
  keep?: boolean;
  requestPolicy?: RequestPolicy;
};

/** Follows a query while the component lives. `variables` is reactive; undefined pauses. Call it while the component is made. */
export function liveQuery<Data, Vars>(
  document: Document<Data, Vars>,
  variables: () => Vars | undefined,
  { keep = false, requestPolicy = 'cache-and-network' }: QueryOptions = {},
): QueryView<Data> {
  const view = new QueryView<Data>();
  const text = document.toString();
  let lastKey = '';
  $effect(() => {
    const values = variables();
    const again = view.runs > 0;
    const client = graph.client;
    if (values === undefined) {
      untrack(() => view.pause());
      return;
    }
    const key = JSON.stringify(values);
    untrack(() => view.begin(!keep && key !== lastKey));
    const policy = again && key === lastKey ? 'network-only' : requestPolicy;
    lastKey = key;
    const { unsubscribe } = client
      .query<Data, Variables>(text, values as Variables, { requestPolicy: policy })
      .subscribe((result) => untrack(() => view.receive(result)));
    return unsubscribe;
  });
  return view;
}

/** Asks once. Throws an Error with a message for people when there is no answer. */
export async function ask<Data, Vars>(
  document: Document<Data, Vars>,
  variables: Vars,
  requestPolicy: RequestPolicy = 'network-only',
): Promise<Data> {
  const result = await graph.client
    .query<Data, Variables>(document.toString(), variables as Variables, { requestPolicy })
    .toPromise();
  if (result.data === undefined || result.data === null) {
    throw new Error(result.error ? messageOf(result.error, t.errors.unreachable) : t.errors.unreachable);
  }
  return result.data;
}

type PayloadOf<Result> = Extract<Result, { __typename: `${string}Payload` }>;
export type Outcome<Payload> = { ok: true; payload: Payload } | { ok: false; problem: Problem };

/** Runs a mutation of one field. Every failure, also an unreachable server, comes back as a problem. */
export async function mutate<Data extends object, Vars>(
  document: Document<Data, Vars>,
  variables: Vars,
): Promise<Outcome<PayloadOf<Data[Exclude<keyof Data, '__typename'>]>>> {
  const result = await graph.client.mutation<Data, Variables>(document.toString(), variables as Variables).toPromise();
  if (!result.data) {
    const message = result.error ? messageOf(result.error, t.errors.unreachable) : t.errors.unreachable;
    const code = result.error?.graphQLErrors[0]?.extensions.code;
    return { ok: false, problem: { code: typeof code === 'string' ? code : 'UNREACHABLE', message, fields: {} } };
  }
  const data: object = result.extensions?.[WHOLE_ANSWER] ?? result.data;
  const field: unknown = Object.entries(data).find(([name]) => name !== '__typename')?.[1];
  const problem = problemOf(field);
  if (problem) return { ok: false, problem };
  // problemOf has just established that this is the payload member of the union.
  return { ok: true, payload: field as PayloadOf<Data[Exclude<keyof Data, '__typename'>]> };
}
