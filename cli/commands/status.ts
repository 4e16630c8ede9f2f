/** Owns `mosis status`: where a version stands, and with --watch what happens to it live. */
import type { Client } from '../client.ts';
import { defineCommand, type Outcome } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode, usageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { followVersion, stopSignal, type VersionEvent } from '../follow.ts';
import {
  AppVersionsDocument,
  NewestVersionDocument,
  VersionByIdDocument,
  type VersionStatusFragment,
} from '../generated/operations.ts';
import { noSuchApp, packageIdFor } from '../package-id.ts';
import { dim, t } from '../text.ts';
import { eventLines, isWaiting, shownFinding, statusLines } from '../version-view.ts';

export const status = defineCommand({
  summary: 'Show where an app or version stands',
  description:
    'Shows the newest version of an app, or the one with that id. --watch prints what happened and what happens until checks and review have decided; it survives a lost connection.',
  arguments: [{ name: 'ID', help: 'Package id or version id (default: the app of this folder)' }],
  options: {
    code: { type: 'string', value: 'N', help: 'The version with this version code instead of the newest' },
    watch: { type: 'boolean', short: 'w', help: 'Follow it live until it is decided' },
    timeout: { type: 'string', value: 'SECONDS', help: 'With --watch: stop after so long' },
  },
  exits: ['0  shown; with --watch: approved or published', '3  not found', '5  with --watch: rejected'],
  async run(context, { args, options }) {
    const timeout = options.timeout === undefined ? null : seconds(options.timeout);
    const client = await context.client();
    const version = await find(context, client, { asked: args[0], code: options.code });
    if (!options.watch) return shown(context, version, EXIT.done);
    const events = await watch(context, client, version, timeout);
    const { version: now } = await client.request(VersionByIdDocument, { id: version.id });
    const state = (now ?? version).state;
    return { json: { ...(now ?? version), events }, exit: exitOf(state) };
  },
});

/** A count of seconds from the command line. */
export function seconds(text: string): number {
  // Digits alone: what else JavaScript reads as a number, such as 0x10 or 1e3, nobody means.
  const value = /^\d{1,7}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= 30 * 86_400) return value;
  throw new CliError('USAGE', `--timeout is a number of seconds, not "${text}".`, {
    exit: EXIT.usage,
    next: '--timeout 600',
  });
}

/** What a decided version means for scripts. */
export function exitOf(state: VersionStatusFragment['state']): ExitCode {
  return state === 'REJECTED' || state === 'SUSPENDED' ? EXIT.rejected : EXIT.done;
}

interface Asked {
  readonly asked: string | undefined;
  readonly code: string | undefined;
}

async function find(context: Context, client: Client, { asked, code }: Asked): Promise<VersionStatusFragment> {
  // Package ids have dots and global ids have none.
  if (asked !== undefined && !asked.includes('.')) {
    const { version } = await client.request(VersionByIdDocument, { id: asked });
    if (version !== null) return version;
    throw new CliError('NOT_FOUND', `There is no version ${asked} that you may see.`, {
      next: 'mosis versions PACKAGE_ID',
    });
  }
  const packageId = await packageIdFor(context, asked);
  if (code !== undefined) return await byCode(client, packageId, code);
  const { app } = await client.request(NewestVersionDocument, { packageId });
  if (app === null) throw noSuchApp(packageId, client.credential !== null);
  const version = app.versions.edges[0]?.node;
  if (version !== undefined) return version;
  throw new CliError('NOT_FOUND', `${packageId} has no versions yet.`, { next: 'mosis publish' });
}

async function byCode(client: Client, packageId: string, code: string): Promise<VersionStatusFragment> {
  if (!/^[1-9]\d{0,9}$/.test(code))
    throw usageError(`--code is a version code, not "${code}".`, `mosis versions ${packageId}`);
  const { app } = await client.request(AppVersionsDocument, { packageId, first: 100 });
  if (app === null) throw noSuchApp(packageId, client.credential !== null);
  const found = app.versions.edges.find(({ node }) => node.versionCode === Number(code));
  const { version } =
    found === undefined ? { version: null } : await client.request(VersionByIdDocument, { id: found.node.id });
  if (version !== null) return version;
  throw new CliError('NOT_FOUND', `${packageId} has no version with the code ${code}.`, {
    next: `mosis versions ${packageId}`,
  });
}

function shown(context: Context, version: VersionStatusFragment, exit: ExitCode): Outcome {
  const findings = version.findings.edges.map(({ node }) => shownFinding(node));
  const { columns } = context.output;
  const next = nextStep(version);
  return {
    json: { ...version, findings },
    lines: [...statusLines(version, columns), t``, ...findingLines(findings, columns)],
    notes: next === null ? [] : [dim(t`next: ${next}`)],
    exit,
  };
}

function nextStep(version: VersionStatusFragment): string | null {
  if (isWaiting(version.state)) return `mosis status ${version.app.packageId} --watch`;
  if (version.state === 'APPROVED' && version.viewerCanPublish)
    return 'mosis publish --publish, or publish it in the portal';
  if (version.state === 'REJECTED') return 'fix it, raise version_code, then: mosis publish';
  return null;
}

/** Prints the timeline to stdout until the version is decided. */
async function watch(
  context: Context,
  client: Client,
  version: VersionStatusFragment,
  timeoutSeconds: number | null,
): Promise<VersionEvent[]> {
  const { output } = context;
  const stop = stopSignal(timeoutSeconds);
  const events: VersionEvent[] = [];
  output.note(t`${version.app.name} ${version.versionName} (${version.versionCode})`);
  try {
    for await (const event of followVersion({ client, versionId: version.id, output, signal: stop.signal })) {
      events.push(event);
      for (const line of eventLines(event, output.columns)) output.line(line);
      if (isDecision(event) && !isWaiting(event.version?.state ?? version.state)) break;
    }
  } finally {
    stop.dispose();
  }
  stop.check(version.app.packageId);
  return events;
}

const DECISIONS: readonly VersionEvent['type'][] = [
  'APPROVED',
  'REJECTED',
  'PUBLISHED',
  'WITHDRAWN',
  'SUSPENDED',
  'UNPUBLISHED',
  'REINSTATED',
];

/** Whether an event ends the waiting. */
export function isDecision(event: VersionEvent): boolean {
  return DECISIONS.includes(event.type);
}
