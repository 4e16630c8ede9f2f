/** Owns the commands of `mosis-admin`: what each takes, asks and prints. Where the answer comes from is admin-source.ts's. */
import { setTimeout as delay } from 'node:timers/promises';
import { byteCount, type Printer } from './admin-print.ts';
import { retention } from './admin-retention.ts';
import { rootLine } from './admin-root-print.ts';
import type { AdminSource } from './admin-source.ts';
import { AdminError } from './operator-client.ts';
import type { OperatorAnswers, RescanAnswer } from './operator-protocol.ts';

const POLL_MS = 500;

export interface CommandContext {
  readonly source: AdminSource;
  readonly print: Printer;
  readonly flags: Readonly<Record<string, string | boolean | string[] | undefined>>;
}

export interface AdminCommand {
  /** As typed after `mosis-admin`, with its arguments. */
  readonly usage: string;
  readonly summary: string;
  /** Names of the arguments after the command's own words. */
  readonly takes: readonly string[];
  readonly flags?: readonly string[];
  readonly run: (context: CommandContext, args: readonly string[]) => Promise<void>;
}

/** By their words: `reviewer grant`. */
export const COMMANDS: Readonly<Record<string, AdminCommand>> = {
  status: { usage: 'status', summary: 'What runs, what waits, what failed', takes: [], run: status },
  rescan: {
    usage: 'rescan [--wait]',
    summary: "Run today's checks over published versions; flags, and changes no state",
    takes: [],
    flags: ['wait'],
    run: rescan,
  },
  'rescan cancel': { usage: 'rescan cancel ID', summary: 'End a rescan; its flags stay', takes: ['ID'], run: cancel },
  rescans: { usage: 'rescans', summary: 'The last rescans', takes: [], run: rescans },
  jobs: { usage: 'jobs [--dead]', summary: 'Jobs that wait, run or failed', takes: [], flags: ['dead'], run: jobs },
  retry: { usage: 'retry JOB', summary: 'Try a dead job again', takes: ['JOB'], run: retry },
  'admin grant': role('admin', true),
  'admin revoke': role('admin', false),
  'reviewer grant': role('reviewer', true),
  'reviewer revoke': role('reviewer', false),
  'reset-password': {
    usage: 'reset-password EMAIL',
    summary: 'Give an account a new random password, and end its sessions',
    takes: ['EMAIL'],
    run: resetPassword,
  },
  'suspend-app': moderation('suspend-app', 'suspendApp', 'Hide an app from store and downloads'),
  'reinstate-app': moderation('reinstate-app', 'reinstateApp', 'Show a suspended app again'),
  'telemetry rotate-secret': {
    usage: 'telemetry rotate-secret',
    summary: 'Hash device ids of telemetry under a new secret from now on',
    takes: [],
    run: rotateTelemetrySecret,
  },
  retention: {
    usage: 'retention [--dry-run]',
    summary: 'Remove the bytes of packages that nobody needs by the policy, or count them',
    takes: [],
    flags: ['dry-run'],
    run: retention,
  },
  settings: { usage: 'settings', summary: 'Settings that were changed, as JSON', takes: [], run: settings },
};

async function status({ source, print }: CommandContext): Promise<void> {
  const answer = await source.ask({ command: 'status' });
  print.document({ running: source.runs, ...answer });
  const jobsOf = (state: string) => answer.jobs[state] ?? 0;
  print.table([
    ['server', source.runs ? `runs, process ${answer.pid}, since ${answer.startedAt}` : 'does not run'],
    ['version', answer.version],
    ['address', answer.publicUrl],
    ['data', `${source.dataDir}, core.db ${byteCount(answer.databaseBytes)}`],
    ['accounts', String(answer.accounts)],
    ['apps', `${answer.publishedApps} published, ${answer.versions} versions`],
    ['reviews', `${answer.reviewsWaiting} waiting`],
    ['jobs', `${jobsOf('READY')} waiting, ${jobsOf('RUNNING')} running, ${jobsOf('DEAD')} dead`],
    ['rescan', answer.rescan === null ? 'none runs' : progressOf(answer.rescan)],
    ['root', rootLine(answer.metadata)],
  ]);
  if (answer.setupNeeded)
    print.note('No admin yet: open the link that the server printed, or mosis-admin admin grant EMAIL.');
  if (jobsOf('DEAD') > 0) print.note('Dead jobs: mosis-admin jobs --dead');
  for (const { message } of answer.metadata.warnings) print.note(`warning: ${message}`);
}

const progressOf = ({ checked, total, flagged, state }: RescanAnswer): string =>
  `${state.toLowerCase()}, ${checked} of ${total} checked, ${flagged} flagged`;

async function rescan({ source, print, flags }: CommandContext): Promise<void> {
  let rescanNow = await source.ask({ command: 'rescan' });
  print.note(`Rescan ${rescanNow.id}: ${rescanNow.total} published versions, rule set ${rescanNow.ruleset}.`);
  // Without a server nobody else does the job.
  if (flags.wait !== true && source.runs) {
    print.document(rescanNow);
    print.note('It runs in the server. mosis-admin rescans shows how far it is.');
    return;
  }
  const done = source.work();
  const bar = print.progress('Checking');
  try {
    while (rescanNow.state === 'RUNNING') {
      bar.update(rescanNow.checked, rescanNow.total);
      await delay(POLL_MS);
      [rescanNow = rescanNow] = await source.ask({ command: 'rescans', id: rescanNow.id });
    }
    bar.update(rescanNow.checked, rescanNow.total);
  } finally {
    bar.end();
    await done.stop();
  }
  print.document(rescanNow);
  print.line(progressOf(rescanNow));
  if (rescanNow.crashed > 0) print.note(`${rescanNow.crashed} could not be checked whole: the log says why.`);
  if (rescanNow.flagged > 0) print.note('Flagged versions wait in the review queue. Nothing else has changed.');
  if (rescanNow.state === 'FAILED') throw new AdminError('FAILED', 'The rescan failed.', 'mosis-admin jobs --dead');
}

async function cancel({ source, print }: CommandContext, [id = '']: readonly string[]): Promise<void> {
  const answer = await source.ask({ command: 'cancelRescan', id });
  print.document(answer);
  print.line(progressOf(answer));
}

async function rescans({ source, print }: CommandContext): Promise<void> {
  const list = await source.ask({ command: 'rescans', id: null });
  print.document(list);
  if (list.length === 0) return print.note('No rescan yet: mosis-admin rescan');
  print.table([
    ['id', 'started', 'rules', 'state'],
    ...list.map((each) => [each.id, each.startedAt.slice(0, 19), each.ruleset, progressOf(each)]),
  ]);
}

async function jobs({ source, print, flags }: CommandContext): Promise<void> {
  const list = await source.ask({ command: 'jobs', state: flags.dead === true ? 'DEAD' : null });
  print.document(list);
  if (list.length === 0) return print.note(flags.dead === true ? 'No job is dead.' : 'No job waits, runs or failed.');
  print.table([['id', 'kind', 'state', 'tries', 'about'], ...list.map(jobRow)]);
  if (list.some(({ state }) => state === 'DEAD')) print.note('Try one again: mosis-admin retry ID');
}

function jobRow(job: OperatorAnswers['jobs'][number]): string[] {
  const about = job.lastError?.split('\n', 1)[0] ?? (job.progress == null ? job.key : JSON.stringify(job.progress));
  return [job.id, job.kind, job.state, `${job.attempt}/${job.maxAttempts}`, about.slice(0, 100)];
}

async function retry({ source, print }: CommandContext, [id = '']: readonly string[]): Promise<void> {
  print.document(await source.ask({ command: 'retry', id }));
  print.line(source.runs ? 'The job is tried again now.' : 'The job is tried again when a server runs.');
}

async function rotateTelemetrySecret({ source, print }: CommandContext): Promise<void> {
  const answer = await source.ask({ command: 'rotateTelemetrySecret' });
  print.document(answer);
  print.line(`${answer.secrets} telemetry secrets are kept; every device counts as a new one from now on.`);
  print.note('Old ones go with the last month of raw telemetry that used them. Back up keys/telemetry-secret again.');
}

function role(name: 'admin' | 'reviewer', granted: boolean): AdminCommand {
  const verb = granted ? 'grant' : 'revoke';
  return {
    usage: `${name} ${verb} EMAIL`,
    summary: granted ? `Make an account ${name}` : `Take the role ${name} away`,
    takes: ['EMAIL'],
    async run({ source, print }, [email = '']) {
      const roles = await source.ask({ command: 'role', email, role: name, granted });
      print.document(roles);
      const held = (['admin', 'reviewer'] as const).filter((each) => roles[each]);
      print.line(`${email}: ${held.length === 0 ? 'no role' : held.join(', ')}`);
    },
  };
}

async function resetPassword({ source, print }: CommandContext, [email = '']: readonly string[]): Promise<void> {
  const { password, sessionsEnded } = await source.ask({ command: 'resetPassword', email });
  print.document({ password, sessionsEnded });
  print.line(password);
  print.note(`The new password of ${email}, shown only now; ${sessionsEnded} sessions were ended.`);
  print.note('Hand it over in person, and have it changed on the profile page.');
}

function moderation(name: string, command: 'suspendApp' | 'reinstateApp', summary: string): AdminCommand {
  return {
    usage: `${name} PACKAGE_ID --reason TEXT`,
    summary,
    takes: ['PACKAGE_ID'],
    flags: ['reason'],
    async run({ source, print, flags }, [packageId = '']) {
      if (typeof flags.reason !== 'string' || flags.reason.trim() === '') {
        throw new AdminError(
          'USAGE',
          "A reason is needed: the app's members read it.",
          `mosis-admin ${name} ${packageId} --reason "…"`,
        );
      }
      const answer = await source.ask({ command, packageId, reason: flags.reason });
      print.document(answer);
      print.line(`${answer.packageId} is ${answer.status.toLowerCase()}.`);
    },
  };
}

async function settings({ source, print }: CommandContext): Promise<void> {
  const list = await source.ask({ command: 'settings' });
  print.document(list);
  if (list.length === 0) return print.note('Every setting has its default.');
  print.table(list.map(({ key, value }) => [key, JSON.stringify(value)]));
}
