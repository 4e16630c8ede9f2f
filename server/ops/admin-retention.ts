/** Owns `mosis-admin retention`: what it asks, its progress and its report. What may go is for the policy to say. */
import { setTimeout as delay } from 'node:timers/promises';
import { RETENTION_REASONS, type RetentionReason } from '../versions/package-retention-rules.ts';
import type { CommandContext } from './admin-commands.ts';
import { byteCount } from './admin-print.ts';
import { AdminError } from './operator-client.ts';
import type { OperatorAnswers } from './operator-protocol.ts';

const POLL_MS = 300;

const WORDS: { readonly [Reason in RetentionReason]: string } = {
  SUPERSEDED: 'superseded',
  NEVER_PUBLISHED: 'never published',
  REJECTED: 'rejected',
};

/** Starts a run, follows it to its end and says what it did; with `--dry-run` what it would do. */
export async function retention({ source, print, flags }: CommandContext): Promise<void> {
  const dryRun = flags['dry-run'] === true;
  const { key, policy } = await source.ask({ command: 'startRetention', dryRun });
  if (Object.values(policy).every((days) => days === null))
    print.note('The policy keeps every package: it is a setting, updatePackageRetention in GraphQL.');
  const done = source.work();
  const bar = print.progress(dryRun ? 'Counting' : 'Removing');
  let run = await source.ask({ command: 'retention', key });
  try {
    while (run.state === 'READY' || run.state === 'RUNNING') {
      bar.update(run.report?.checked ?? 0, run.report?.total ?? 0);
      await delay(POLL_MS);
      run = await source.ask({ command: 'retention', key });
    }
    bar.update(run.report?.checked ?? 0, run.report?.total ?? 0);
  } finally {
    bar.end();
    await done.stop();
  }
  if (run.state === 'DEAD' || run.report === null)
    throw new AdminError(
      'FAILED',
      `The run failed: ${run.lastError ?? 'it left no report'}`,
      'mosis-admin jobs --dead',
    );
  report({ source, print, flags }, run.report);
}

function report({ print }: CommandContext, done: NonNullable<OperatorAnswers['retention']['report']>): void {
  print.document(done);
  const rows = RETENTION_REASONS.map((reason) => ({ reason, ...done.groups[reason] }));
  print.table([
    ['why', 'versions', 'bytes'],
    ...rows.map(({ reason, versions, bytes }) => [WORDS[reason], String(versions), byteCount(bytes)]),
  ]);
  for (const { packageId, versionCode, reason, bytes } of done.named)
    print.note(`  ${packageId} ${versionCode}, ${WORDS[reason]}, ${byteCount(bytes)}`);
  const total = rows.reduce((sum, { versions }) => sum + versions, 0);
  if (total > done.named.length) print.note(`  and ${total - done.named.length} more`);
  if (done.dryRun && total > 0) print.note('Nothing was removed: this was a dry run.');
}
