/**
 * Owns the checks that need more than the package itself, such as what the database knows of the app: they run on the main
 * thread, one after the other, each within its time budget. It writes nothing.
 */
import type { Finding } from '../../format/findings.ts';
import type { Database } from '../platform/db/database.ts';
import { budgetMsOf } from './budgets.ts';
import type { CheckProgress } from './messages.ts';
import type { SubmittedVersion } from './service.ts';

/**
 * A check of a version in its context. It reads only, outside of any transaction, and shares the main thread: it must give
 * it back often, for nothing can interrupt a loop here. `signal` aborts when its time is up; what it says after that is lost.
 */
export interface ContextCheck {
  /** Stable lower-case name shown in the timeline; no other check has it. */
  readonly name: string;
  readonly run: (version: SubmittedVersion, db: Database['prisma'], signal: AbortSignal) => Promise<readonly Finding[]>;
}

interface ContextRun {
  readonly checks: readonly ContextCheck[];
  readonly version: SubmittedVersion;
  readonly db: Database['prisma'];
  /** Checks that need not run again. */
  readonly skip: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CheckProgress) => void;
  readonly budgetMs?: (check: string) => number;
}

/** Runs what is left of the context checks; one that throws or overruns has crashed, and the next one runs. Throws when aborted. */
export async function runContextChecks(given: ContextRun): Promise<void> {
  for (const check of given.checks) {
    given.signal.throwIfAborted();
    if (given.skip.includes(check.name)) continue;
    given.onProgress({ type: 'start', check: check.name });
    const startedMs = performance.now();
    const outcome = await runOne(check, given);
    given.signal.throwIfAborted();
    given.onProgress({ type: 'end', check: check.name, durationMs: performance.now() - startedMs, ...outcome });
  }
}

async function runOne(
  check: ContextCheck,
  { version, db, signal, budgetMs = budgetMsOf }: ContextRun,
): Promise<{ findings: readonly Finding[]; crash: string | null }> {
  const limit = budgetMs(check.name);
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const { promise: cut, reject } = Promise.withResolvers<never>();
  both.addEventListener('abort', () => reject(both.reason), { once: true });
  const timer = setTimeout(() => over.abort(new Error(`no result within ${limit} ms`)), limit);
  try {
    return { findings: await Promise.race([check.run(version, db, both), cut]), crash: null };
  } catch (error) {
    return { findings: [], crash: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
