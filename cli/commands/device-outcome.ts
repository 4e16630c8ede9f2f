/** Owns how what became of an install or update is shown. */
import type { UpdateOutcome } from '../../device/acquire.ts';
import type { FailedUpdate } from '../../device/outcomes.ts';
import { bold, dim, green, red, type Styled, t, table, yellow } from '../text.ts';

/** One outcome as JSON; `note` is what the developer says of a failure. */
export function outcomeJson(outcome: UpdateOutcome, note: string | null = null): unknown {
  const { kind, app } = outcome;
  switch (outcome.kind) {
    case 'failed': {
      const { code, message, details } = outcome.error;
      return { result: kind, app, versionCode: outcome.versionCode, error: { code, message, details }, note };
    }
    case 'waiting':
      return { result: kind, app, failure: failureJson(outcome.failure) };
    case 'current':
      return { result: kind, app, before: null };
    default:
      return {
        result: kind,
        app,
        before: outcome.before,
        rollback: outcome.rollback,
        dataNotKept: outcome.dataNotKept,
      };
  }
}

export function failureJson({ retryAt, ...failure }: FailedUpdate): unknown {
  return { ...failure, retryAt: retryAt.toISOString() };
}

export function outcomeLines(outcome: UpdateOutcome, note: string | null = null): Styled[] {
  const { app } = outcome;
  const name = t`${bold(app.packageId)} ${app.versionName}`;
  switch (outcome.kind) {
    case 'failed': {
      const { error, versionCode } = outcome;
      const to = versionCode === null ? '' : ` to code ${versionCode}`;
      return [
        t`${red('failed')}  ${bold(app.packageId)}${to}: ${error.code}: ${error.message} It keeps ${app.versionName}.`,
        ...error.details.map((detail) => t`  ${detail}`),
        ...noteLines(note),
      ];
    }
    case 'waiting':
      return [t`${yellow('waiting')}  ${name}`, ...failedUpdateLines(outcome.failure)];
    case 'current':
      return [t`${green('current')}  ${name}`];
    default:
      return [...takenTitle(outcome, name), ...table(takenRows(app), '  ')];
  }
}

/** A failed update below its app. */
export function failedUpdateLines({ versionCode, code, retryAt, note }: FailedUpdate): Styled[] {
  const when = retryAt.toISOString().slice(0, 16).replace('T', ' ');
  return [
    t`  ${yellow('update failed')}  code ${versionCode}: ${code}; tried again from ${when} UTC`,
    ...noteLines(note),
  ];
}

type TakenOutcome = Extract<UpdateOutcome, { before: unknown }>;

function takenTitle({ kind, before, rollback, dataNotKept }: TakenOutcome, name: Styled): Styled[] {
  const from = before === null ? '' : ` (was ${before.versionName})`;
  if (rollback === null) {
    const title = t`${green(kind)}  ${name}${from}`;
    if (dataNotKept === null) return [title];
    return [title, t`  ${yellow('data')}  ${dataNotKept}: no copy of it was kept, so a rollback leaves it as it is`];
  }
  const data = rollback.dataRestored ? 'its data is as it was before that update' : 'its data stays as it is';
  return [t`${yellow('rolled back')}  ${name}${from}: ${rollback.reason}`, t`  ${dim('data')}  ${data}`];
}

function takenRows(app: TakenOutcome['app']): (string | Styled)[][] {
  return [
    [dim('signed by'), app.signerKeyId],
    [dim('sha-256'), app.sha256],
    [dim('track'), app.track],
    [dim('permissions'), app.permissions.length === 0 ? 'none' : app.permissions.join(', ')],
  ];
}

function noteLines(note: string | null): Styled[] {
  return note === null ? [] : [t`  ${dim('known issue')}  ${note}`];
}
