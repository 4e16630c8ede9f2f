/** Owns how a version and its timeline look at the terminal. It asks the server nothing. */
import { placeOf, type ShownFinding } from './findings.ts';
import type { VersionEvent } from './follow.ts';
import type { FindingFieldsFragment, VersionStatusFragment } from './generated/operations.ts';
import {
  bold,
  byteCount,
  counted,
  cyan,
  dim,
  duration,
  green,
  joined,
  red,
  type Styled,
  styled,
  t,
  table,
  wrapped,
  yellow,
} from './text.ts';

type State = VersionStatusFragment['state'];
type RolloutNews = NonNullable<VersionEvent['rollout']>;
type Queue = NonNullable<VersionStatusFragment['queue']>;

/** States in which nothing more happens without somebody's act. */
const WAITING_STATES: readonly State[] = ['SUBMITTED', 'IN_REVIEW'];

/** Whether checks or a reviewer still have to say something. */
export function isWaiting(state: State): boolean {
  return WAITING_STATES.includes(state);
}

/** A state in words and colour. */
export function stateText(state: State): Styled {
  const words = state.toLowerCase().replaceAll('_', ' ');
  if (state === 'PUBLISHED' || state === 'APPROVED') return green(words);
  if (state === 'REJECTED' || state === 'SUSPENDED') return red(words);
  return WAITING_STATES.includes(state) ? yellow(words) : styled(words);
}

/** A server's finding in the words of this machine's checks. */
export function shownFinding(found: FindingFieldsFragment): ShownFinding {
  const severity = found.severity === 'ERROR' ? 'error' : found.severity === 'WARNING' ? 'warning' : 'notice';
  return { ...found, severity };
}

/** `2026-03-01 12:00` in the machine's own time zone. */
export function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function clockTime(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toTimeString().slice(0, 8);
}

const REASON_WORDS: Readonly<Record<VersionStatusFragment['reviewReasons'][number], string>> = {
  FIRST_APP: 'your first app',
  DANGEROUS_PERMISSION: 'a dangerous permission',
  NEW_PERMISSION: 'a new permission',
  CHECK_WARNING: 'a warning of the checks',
  CHECK_CRASHED: 'a check that did not finish',
  USER_REPORTS: 'reports of users',
  APPEAL: 'your appeal',
  SAMPLE: 'a random sample',
  RESCAN: 'newer checks found something',
};

/** Why a person looks at a version, in words. */
export function reasonText(reasons: VersionStatusFragment['reviewReasons']): string {
  return reasons.map((reason) => REASON_WORDS[reason] ?? reason).join(', ');
}

function usualWait(seconds: number): string {
  return seconds < 60 ? 'under a minute' : duration(seconds);
}

/** `place 3, due 2026-03-02 12:00, usually decided in 3 h`. */
export function queueText({ position, dueAt, medianWaitSeconds }: Queue): string {
  const usual = medianWaitSeconds === null ? '' : `, usually decided in ${usualWait(medianWaitSeconds)}`;
  return `place ${position}, due ${localTime(dueAt)}${usual}`;
}

/** The page of `mosis status`. */
export function statusLines(version: VersionStatusFragment, columns: number): Styled[] {
  const { app } = version;
  const rows: [string, Styled | string][] = [];
  const add = (label: string, value: Styled | string | null | undefined) => {
    if (value !== null && value !== undefined && value !== '') rows.push([label, value]);
  };
  add('uploaded', localTime(version.createdAt));
  add('submitted', version.submittedAt === null ? null : localTime(version.submittedAt));
  add('decided', version.decidedAt === null ? null : localTime(version.decidedAt));
  add('published', version.publishedAt === null ? null : localTime(version.publishedAt));
  add('checks', version.checks.length === 0 ? null : checksText(version.checks));
  add('review for', reasonText(version.reviewReasons));
  add('queue', version.queue === null ? null : queueText(version.queue));
  add('size', byteCount(Number(version.packageSize)));
  add('sha-256', version.packageSha256);
  add('signed by', version.signerKeyId ?? 'nobody');
  add('download', version.downloadUrl);
  for (const { track, percent, state, schedule } of version.rollouts) {
    const next = schedule[0] === undefined ? '' : `, ${schedule[0].percent} % at ${localTime(schedule[0].at)}`;
    add('rollout', `${percent} % of ${track.toLowerCase()}, ${state.toLowerCase()}${next}`);
  }
  const reason = version.feedback ?? version.stateReason;
  return [
    t`${bold(app.name)}  ${app.packageId}`,
    t`${version.versionName} (${version.versionCode})  ${stateText(version.state)}`,
    t``,
    ...table(
      rows.map(([label, value]) => [dim(label), value]),
      '  ',
    ),
    ...(reason === null ? [] : [t``, ...wrapped(reason, columns, '  ')]),
  ];
}

function checksText(checks: VersionStatusFragment['checks']): Styled {
  return joined(
    checks.map(({ name, state }) => t`${checkMark(state)} ${name}`),
    '  ',
  );
}

function checkMark(state: VersionStatusFragment['checks'][number]['state']): Styled {
  if (state === 'PASSED') return green('✓');
  if (state === 'FAILED') return red('✗');
  return state === 'RUNNING' ? dim('…') : yellow('!');
}

const TOLD_WITH_MESSAGE: readonly VersionEvent['type'][] = ['REJECTED', 'COMMENTED', 'SUSPENDED', 'ROLLOUT_CHANGED'];

/** One event as lines of the timeline; none for events that say nothing new to a person. */
export function eventLines(event: VersionEvent, columns: number): Styled[] {
  const said = saying(event);
  if (said === null) return [];
  const head = t`${dim(clockTime(event.at))}  ${said}`;
  const told = TOLD_WITH_MESSAGE.includes(event.type);
  return told && event.message !== null ? [head, ...wrapped(event.message, columns, '          ')] : [head];
}

function saying(event: VersionEvent): Styled | null {
  switch (event.type) {
    case 'UPLOADED':
      return t`uploaded`;
    case 'SUBMITTED':
      return t`submitted; the checks begin`;
    case 'FINDING':
      return event.finding === null ? null : findingText(shownFinding(event.finding));
    case 'CHECK_FINISHED':
      return checkText(event);
    case 'CHECKS_PASSED':
      return green('checks passed');
    case 'CHECKS_FAILED':
      return red('checks failed');
    case 'QUEUED': {
      const why =
        event.reasons === null || event.reasons.length === 0 ? '' : ` because of ${reasonText(event.reasons)}`;
      const queue = event.version?.queue ?? null;
      return t`${yellow('a reviewer looks at it')}${why}${queue === null ? '' : `; ${queueText(queue)}`}`;
    }
    case 'CLAIMED':
      return t`a reviewer has taken it`;
    case 'RELEASED':
      return t`back in the queue`;
    case 'COMMENTED':
      return t`${event.actor.kind === 'YOU' ? 'you' : (event.actor.name ?? 'a reviewer')} wrote:`;
    case 'APPROVAL_ADDED':
      return t`one of two approvals is given; another reviewer looks`;
    case 'APPROVED':
    case 'PUBLISHED':
    case 'REINSTATED':
      return green(event.type.toLowerCase());
    case 'REJECTED':
    case 'SUSPENDED':
      return red(event.type.toLowerCase());
    case 'APPEALED':
    case 'WITHDRAWN':
    case 'UNPUBLISHED':
      return t`${event.type.toLowerCase()}`;
    case 'ROLLOUT_CHANGED':
      return event.rollout === null ? null : rolloutNews(event.rollout);
    default:
      return null;
  }
}

const BY_WORDS = {
  DEVELOPER: '',
  GUARD: ' by the platform: more devices crash',
  SCHEDULE: ' by its schedule',
} as const;

function rolloutNews({ change, track, percent, by, toVersionCode, stepsMovedByMs }: RolloutNews): Styled {
  const moved = stepsMovedByMs === null ? '' : `; its steps come ${duration(stepsMovedByMs / 1000)} later`;
  if (change === 'ROLLED_BACK')
    return red(`devices on ${track.toLowerCase()} go back to version code ${toVersionCode}`);
  const paint = change === 'PAUSED' || change === 'HALTED' ? red : styled;
  return t`rollout on ${track.toLowerCase()} ${paint(change.toLowerCase())} at ${percent} %${BY_WORDS[by]}${moved}`;
}

function checkText({ check, checkState, durationMs, errors, warnings, notices }: VersionEvent): Styled {
  const counts = [
    [errors ?? 0, 'error'],
    [warnings ?? 0, 'warning'],
    [notices ?? 0, 'notice'],
  ] as const;
  const found = counts.filter(([count]) => count > 0).map(([count, word]) => counted(count, word));
  const took =
    durationMs === null
      ? ''
      : durationMs < 1000
        ? `${Math.ceil(durationMs)} ms`
        : `${(durationMs / 1000).toFixed(1)} s`;
  const tail = found.length === 0 ? '' : `  ${found.join(', ')}`;
  return t`${checkMark(checkState ?? 'RUNNING')} ${(check ?? '').padEnd(12)}${dim(took.padStart(7))}${tail}`;
}

function findingText(found: ShownFinding): Styled {
  const paint = found.severity === 'error' ? red : found.severity === 'warning' ? yellow : dim;
  const place = placeOf(found);
  return t`  ${paint(found.severity)} ${found.code}${place === '' ? '' : '  '}${cyan(place)}  ${found.message}`;
}
