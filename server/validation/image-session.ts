/** Owns the reading of one picture: a single step, as urgent as a gate. It owns no thread. */
import { budgetMsOf } from './budgets.ts';
import type { ImageResult } from './messages.ts';
import { InspectionBroken, type Session } from './session.ts';
import type { Step } from './thread-pool.ts';

/** A session in which nothing has begun. */
export function createImageSession({
  key,
  path,
}: {
  readonly key: number;
  readonly path: string;
}): Session<ImageResult> {
  const { promise: result, resolve, reject } = Promise.withResolvers<ImageResult>();
  // Whoever waits for the result hears of it; nobody may.
  result.catch(() => undefined);
  let begun = false;
  const step: Step = {
    request: { type: 'image', key, path },
    budgetMs: budgetMsOf('image'),
    onBegin: () => undefined,
    onEnd: (outcome) => {
      if (outcome.type === 'done' && outcome.result.type === 'image') resolve(outcome.result);
      else reject(new InspectionBroken(outcome.type === 'done' ? 'no image came back' : outcome.message));
    },
  };
  return {
    key,
    urgent: true,
    result,
    cancel: reject,
    next() {
      if (begun) return null;
      begun = true;
      return step;
    },
  };
}
