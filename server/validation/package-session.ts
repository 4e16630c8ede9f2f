/**
 * Owns the inspection of one package: which step comes next, what each one came to, and the result. It owns no thread and decides
 * nothing about other packages.
 */
import type { Check } from '../../format/check.ts';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import type { Finding } from '../../format/findings.ts';
import { budgetMsOf } from './budgets.ts';
import type { StepOutcome } from './check-thread.ts';
import type { CheckProgress, Inspection, ReadResult, ThreadRequest } from './messages.ts';
import { InspectionBroken, type Session } from './session.ts';
import type { Step } from './thread-pool.ts';

/** Below this a package's checks follow one another in one thread: opening it in a second one takes longer than they do. */
const SPREAD_BYTES = 1024 * 1024;

export interface SessionOptions {
  readonly key: number;
  readonly task: 'gate' | 'checks';
  readonly path: string;
  readonly maxPackageBytes: number;
  /** To run once the package is read, in this order. */
  readonly checks: readonly Pick<Check, 'name'>[];
  /** Checks that are neither run nor told of; reading is done all the same. */
  readonly skip: ReadonlySet<string>;
  readonly onProgress: (progress: CheckProgress) => void;
  /** Called once the package is read, with its unpacked bytes. */
  readonly onRead: (unpackedBytes: number) => void;
  readonly budgetMs?: (check: string) => number;
}

/** A session in which nothing has begun. */
export function createPackageSession(given: SessionOptions): Session<Inspection> {
  const { key, task, skip, onProgress, budgetMs = budgetMsOf } = given;
  const { promise: result, resolve, reject } = Promise.withResolvers<Inspection>();
  // Whoever waits for the result hears of it; nobody may.
  result.catch(() => undefined);
  const waiting = given.checks.map(({ name }) => name).filter((name) => !skip.has(name));
  const findings = new Map<string, readonly Finding[]>();
  const crashed: string[] = [];
  let state: 'new' | 'reading' | 'checking' | 'over' = 'new';
  let reading: ReadResult | null = null;
  let running = 0;

  function tell(progress: CheckProgress): void {
    if (!skip.has(progress.check)) onProgress(progress);
  }

  function fail(error: Error): void {
    state = 'over';
    reject(error);
  }

  function step(check: string, request: ThreadRequest): Step {
    running += 1;
    return {
      request,
      budgetMs: budgetMs(check),
      onBegin: () => {
        if (state !== 'over') tell({ type: 'start', check });
      },
      onEnd: (outcome) => {
        running -= 1;
        if (state !== 'over') end(check, outcome);
      },
    };
  }

  function end(check: string, outcome: StepOutcome): void {
    const broken = brokenBy(check, outcome);
    if (broken === null) record(check, outcome);
    else fail(broken);
  }

  /** What ends the inspection without a result: then it is to be tried again. */
  function brokenBy(check: string, outcome: StepOutcome): InspectionBroken | null {
    if (outcome.type === 'done') return null;
    // A thread that never began is nobody's fault; a file that cannot be read is not the package's. A verdict of the gate
    // needs every format rule.
    const blameless = outcome.type === 'lost' ? !outcome.begun : state === 'reading';
    return blameless || task === 'gate' ? new InspectionBroken(`${check}: ${outcome.message}`) : null;
  }

  function record(check: string, outcome: StepOutcome): void {
    const found = outcome.type === 'done' ? outcome.result.findings : [];
    const crash = outcome.type === 'done' ? null : outcome.message;
    findings.set(check, found);
    if (crash !== null) crashed.push(check);
    if (outcome.type === 'done' && outcome.result.type === 'read') reading = outcome.result;
    tell({ type: 'end', check, findings: found, durationMs: outcome.durationMs, crash });
    if (state === 'reading') afterReading();
    if (running === 0 && waiting.length === 0) finish();
  }

  function afterReading(): void {
    state = 'checking';
    if (reading === null || reading.contents === null) waiting.length = 0;
    given.onRead(reading?.contents?.data.byteLength ?? 0);
  }

  function finish(): void {
    state = 'over';
    const order = [ARCHIVE_CHECK_NAME, ...given.checks.map(({ name }) => name)];
    const all = order.flatMap((name) => findings.get(name) ?? []);
    resolve({
      accepted: crashed.length === 0 && all.every((found) => found.severity !== 'error'),
      findings: all,
      crashed,
      manifest: reading?.manifest ?? null,
      files: reading?.files ?? [],
      size: reading?.size ?? 0,
      sha256: reading?.sha256 ?? null,
      signature: reading?.signature ?? null,
    });
  }

  function next(): Step | null {
    if (state === 'new') {
      state = 'reading';
      const { path, maxPackageBytes } = given;
      return step(ARCHIVE_CHECK_NAME, { type: 'read', key, path, maxPackageBytes, signature: task === 'gate' });
    }
    const contents = reading?.contents;
    if (state !== 'checking' || contents === null || contents === undefined) return null;
    if (running > 0 && contents.data.byteLength < SPREAD_BYTES) return null;
    const check = waiting.shift();
    return check === undefined ? null : step(check, { type: 'check', key, check, contents });
  }

  return { key, urgent: task === 'gate', next, result, cancel: fail };
}
