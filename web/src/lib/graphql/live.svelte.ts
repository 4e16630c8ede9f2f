// Follows an event subscription for as long as its component lives; resuming after a break is the transport's work.
import { untrack } from 'svelte';
import { hasCode } from '#lib/graphql/errors.ts';
import type { TypedDocumentString } from '#lib/graphql/generated/graphql.ts';
import { graph } from '#lib/graphql/graph.svelte.ts';

type Variables = Record<string, unknown>;
const RESTART_MS = 3_000;

export type LiveOptions<Data, Vars> = {
  document: TypedDocumentString<Data, Vars>;
  /** Reactive: a change ends the subscription and begins another; undefined waits. Read the first cursor untracked. */
  variables: () => Vars | undefined;
  onEvent: (data: Data) => void;
  /** The server's log is another one than the cursor's (a restored backup): fetch everything anew, then resolve. */
  onReset: () => Promise<void>;
};

/** Call it while the component is made. */
export function liveEvents<Data, Vars>({ document, variables, onEvent, onReset }: LiveOptions<Data, Vars>): void {
  const text = document.toString();
  let attempt = $state(0);
  let lastResetMs = Number.NEGATIVE_INFINITY;
  $effect(() => {
    void attempt;
    const client = graph.client;
    const values = variables();
    if (values === undefined) return;
    let restart: ReturnType<typeof setTimeout> | undefined;
    const { unsubscribe } = client.subscription<Data, Variables>(text, values as Variables).subscribe((result) => {
      if (result.data) untrack(() => onEvent(result.data as Data));
      if (!result.error) return;
      if (hasCode(result.error, 'CURSOR_RESET')) {
        // Going on before the answer is here would show the same cursor again, and so for ever.
        const waitMs = Date.now() - lastResetMs < RESTART_MS ? RESTART_MS : 0;
        lastResetMs = Date.now();
        void untrack(onReset).then(() => {
          restart = setTimeout(() => (attempt += 1), waitMs);
        });
      } else if (!hasCode(result.error, 'NOT_FOUND') && !hasCode(result.error, 'UNAUTHENTICATED')) {
        clearTimeout(restart);
        restart = setTimeout(() => (attempt += 1), RESTART_MS);
      }
    });
    return () => {
      clearTimeout(restart);
      unsubscribe();
    };
  });
}
