/** Owns a run of sending: what waits, oldest first, until it is sent or the server asks to wait. It opens no log. */
import { join } from 'node:path';
import { removeFile, replaceFile } from '../durable.ts';
import type { Network } from '../http.ts';
import type { Report, ReportName } from './layout.ts';
import { pendingRemoval } from './losses.ts';
import type { Patience } from './patience.ts';
import { dropReport, readReport, waitingReports } from './queue.ts';
import { isTooOld, type KnownIssue, sendReport } from './send.ts';

/** Reports that a server may fail at in one run before the device comes back later. */
const MAX_FAILURES = 3;

export interface FlushResult {
  /** Reports that the server took: batches and crashes. */
  readonly sent: number;
  /** Events and crashes that were dropped in this run: refused by the server, too old, damaged or too many. */
  readonly dropped: number;
  readonly waiting: number;
  /** Milliseconds until the next try, or null when nothing stands in its way. */
  readonly retryAfterMs: number | null;
  /** Why sending stopped, or null when all was sent. */
  readonly problem: string | null;
  /** What the developer knows of the failed updates that were reported in this run. */
  readonly knownIssues: readonly KnownIssue[];
}

export interface Courier {
  readonly folder: string;
  readonly network: Network;
  readonly patience: Patience;
  /** Runs alone on the queue. */
  readonly locked: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onStep: (step: string) => void;
}

/** Sends what waits. `dropped` events went already in this run. */
export async function sendAll(courier: Courier, dropped: number): Promise<FlushResult> {
  const { folder, network, patience, locked } = courier;
  const waiting = await waitingReports(folder);
  const run = { sent: 0, dropped, waiting: waiting.length, knownIssues: [] as KnownIssue[] };
  const failures: { waitMs: number | null; problem: string }[] = [];
  for (const each of waiting) {
    const report = await locked(() => beforeSending(courier, each));
    if (typeof report === 'number') {
      run.dropped += report;
      run.waiting -= 1;
      continue;
    }
    courier.onStep('send');
    const outcome = await sendReport(report, each.packageId, network);
    courier.onStep('sent');
    if (outcome.kind === 'later') {
      failures.push(outcome);
      if (!outcome.onlyThis || failures.length >= MAX_FAILURES) break;
      continue;
    }
    run.waiting -= 1;
    if (outcome.kind === 'dropped') run.dropped += await locked(() => dropReport(folder, each, report, outcome.reason));
    else {
      await locked(() => removeFile(join(folder, each.name)));
      // Only what the server took shows that it works: a link that lets one answer through in ten is no good one.
      await patience.succeeded();
      run.sent += 1;
      run.knownIssues.push(...outcome.knownIssues);
    }
  }
  const failed = failures.at(-1);
  if (failed === undefined) return { ...run, retryAfterMs: null, problem: null };
  const asked = failures.map(({ waitMs }) => waitMs ?? 0);
  const retryAfterMs = await patience.failed(network.clock(), Math.max(...asked), network.random);
  return { ...run, retryAfterMs, problem: failed.problem };
}

/** The report, noted as sent before it is: the server may have it although its answer never comes. A number when it went: its events. */
async function beforeSending({ folder, network, onStep }: Courier, each: ReportName): Promise<Report | number> {
  const report = await readReport(folder, each);
  // Another process made room meanwhile, or was killed when it had counted this report and not yet removed it.
  if (report === null) return 0;
  if ((await pendingRemoval(folder, each.packageId)) === each.name) {
    await removeFile(join(folder, each.name));
    return 0;
  }
  if (report === 'damaged') return await dropReport(folder, each, report, 'damaged');
  const now = network.clock();
  if (isTooOld(report, now)) return await dropReport(folder, each, report, 'too_old');
  if (report.firstSentAt !== null) return report;
  const noted = { ...report, firstSentAt: now.toISOString() };
  onStep('note-sending');
  await replaceFile(join(folder, each.name), JSON.stringify(noted), 0o600);
  return noted;
}
