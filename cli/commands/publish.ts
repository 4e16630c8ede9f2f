/** Owns `mosis publish`: from a folder or package to a submitted version, and on to the decision. It goes on where it was left. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Manifest } from '../../format/manifest.ts';
import { validatePackage } from '../../format/validate.ts';
import { kindOfPath } from '../app-files.ts';
import { buildApp, refusedOutcome } from '../build-app.ts';
import { type Client, payloadOf } from '../client.ts';
import { defineCommand, type Outcome } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, usageError } from '../errors.ts';
import { findingLines, type ShownFinding, tally } from '../findings.ts';
import { followVersion, stopSignal } from '../follow.ts';
import {
  AppForPublishDocument,
  type AppForPublishQuery,
  CreateAppDocument,
  PublishVersionDocument,
  SubmitVersionDocument,
  VersionByIdDocument,
  type VersionStatusFragment,
} from '../generated/operations.ts';
import { noSuchApp } from '../package-id.ts';
import { ensureSigner, requireViewer } from '../pinning.ts';
import { percentOf, SCHEDULE_HELP, stepsOf, TRACK_CHOICES, trackOf } from '../rollout-input.ts';
import { rolloutText } from '../rollout-view.ts';
import { openSigningKey, type SigningKey } from '../signing-key.ts';
import { bold, byteCount, dim, green, red, t, wrapped, yellow } from '../text.ts';
import { uploadPackage } from '../upload.ts';
import { eventLines, isWaiting, queueText, reasonText, shownFinding, stateText } from '../version-view.ts';
import { exitOf, isDecision, seconds } from './status.ts';

export const publish = defineCommand({
  summary: 'Upload, submit and follow a version',
  description:
    'Builds and signs a folder, or takes a signed package as it is; uploads it, submits it and follows the checks. If a reviewer has to look at it, the command ends there unless --wait is given. --track, --percent and --schedule publish too, as --publish does. Run again, it goes on where it was left.',
  arguments: [{ name: 'PATH', help: 'App folder or signed .mosis file (default: this folder)' }],
  options: {
    create: { type: 'boolean', help: 'Make the app at the server when it does not exist yet' },
    publish: { type: 'boolean', help: 'Put the version into the store once it is approved' },
    track: {
      type: 'string',
      value: 'TRACK',
      help: 'Publish for devices on this track; default stable',
      choices: TRACK_CHOICES,
    },
    percent: { type: 'string', value: 'PERCENT', help: 'Publish for this share of the devices; default 100' },
    schedule: { type: 'string', value: 'STEPS', help: SCHEDULE_HELP },
    notes: { type: 'string', value: 'TEXT', help: 'Release notes' },
    key: { type: 'string', value: 'FILE', help: 'Private key (default: the one of mosis keys generate)' },
    wait: { type: 'boolean', help: 'Wait for the decision, also for that of a reviewer' },
    'no-wait': { type: 'boolean', help: 'End after the submission' },
    timeout: { type: 'string', value: 'SECONDS', help: 'Wait no longer than this' },
  },
  exits: [
    '0  submitted, approved or published',
    '3  no such app; give --create',
    '4  sign-in needed',
    '5  rejected',
    '6  the version code is spent',
    '7  network; run it again',
  ],
  examples: [
    'mosis publish',
    'mosis publish --create --publish --wait',
    'mosis publish --percent 5 --schedule 20@24h,100@3d',
    'MOSIS_TOKEN=mk_… mosis publish app.mosis --wait --non-interactive',
  ],
  async run(context, { args, options }) {
    if (options.wait && options['no-wait'])
      throw usageError('--wait and --no-wait exclude each other.', 'mosis publish --help');
    const reach = reachOf(options);
    const publishes = options.publish || reach !== null;
    const timeoutSeconds = options.timeout === undefined ? null : seconds(options.timeout);
    const client = await context.client();
    if (client.credential === null) requireViewer(null, client);
    const pack = await preparePackage(context, args[0] ?? '.', options.key);
    if ('json' in pack) return pack;
    const app = await findOrCreateApp(context, client, pack.manifest, options.create);
    const submitted = await submit(context, client, { app, pack, notes: options.notes });
    if ('json' in submitted) return submitted;
    const wait = options['no-wait'] ? 'none' : options.wait ? 'decision' : 'checks';
    const decided = await follow(context, client, { ...submitted, packageId: app.packageId, wait, timeoutSeconds });
    if (reach !== null && decided.state === 'PUBLISHED')
      context.output.note(
        t`${yellow('published before:')} to change which devices get it: mosis rollout list ${app.packageId}`,
      );
    const ready = decided.state === 'APPROVED' || decided.state === 'UNPUBLISHED';
    const version = publishes && ready ? await putInStore(client, decided, reach ?? {}) : decided;
    return outcome(context, version, publishes);
  },
});

interface Pack {
  readonly path: string;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly keyId: string;
  readonly key: SigningKey | null;
}

type App = NonNullable<AppForPublishQuery['app']>;

/** A folder is built and signed; a package is sent exactly as it is. */
async function preparePackage(context: Context, path: string, keyPath: string | undefined): Promise<Pack | Outcome> {
  const found = await kindOfPath(context.cwd, path);
  if (found.kind === 'folder') {
    const key = await openSigningKey(context, keyPath);
    const built = await buildApp(context, path, key);
    if (built.kind === 'refused') return refusedOutcome(context, built);
    return {
      path: found.path,
      manifest: built.manifest,
      bytes: built.bytes,
      sha256: built.sha256,
      keyId: key.keyId,
      key,
    };
  }
  const bytes = await readFile(found.path);
  const { accepted, findings, manifest, sha256, keyId } = await validatePackage(found.path);
  if (!accepted || manifest === null || sha256 === null)
    return refusedFindings(context, basename(found.path), findings);
  if (keyId === null) {
    throw new CliError('SIGNATURE_MISSING', `${path} is not signed.`, {
      exit: EXIT.rejected,
      next: `mosis sign ${path}`,
    });
  }
  const key = keyPath === undefined ? null : await openSigningKey(context, keyPath);
  return { path: found.path, manifest, bytes, sha256, keyId, key };
}

function refusedFindings(context: Context, title: string, findings: readonly ShownFinding[]): Outcome {
  return {
    json: { accepted: false, findings },
    lines: [
      ...findingLines(findings, context.output.columns),
      t`${red('refused')}  ${bold(title)}  ${tally(findings)}`,
    ],
    exit: EXIT.rejected,
  };
}

async function findOrCreateApp(context: Context, client: Client, manifest: Manifest, create: boolean): Promise<App> {
  const packageId = manifest.id;
  const { app } = await client.request(AppForPublishDocument, { packageId });
  if (app !== null) return app;
  const question = t`There is no app ${packageId} at ${context.serverUrl} yet. Make it`;
  if (!create && !(context.prompt.interactive && (await context.prompt.confirm(question, '--create'))))
    throw noSuchApp(packageId, true);
  const description = manifest.description === undefined ? {} : { description: manifest.description };
  const { createApp } = await client.request(CreateAppDocument, {
    input: { packageId, name: manifest.name, ...description },
  });
  payloadOf(createApp, 'CreateAppPayload', client);
  context.output.note(t`${green('created')}  ${packageId}`);
  const { app: made } = await client.request(AppForPublishDocument, { packageId });
  if (made !== null) return made;
  throw noSuchApp(packageId, true);
}

interface Submission {
  readonly app: App;
  readonly pack: Pack;
  readonly notes: string | undefined;
}

interface Submitted {
  readonly versionId: string;
  /** Whether this run submitted it; else an earlier one did. */
  readonly fresh: boolean;
  readonly state: VersionStatusFragment['state'];
}

/** Gives the submitted version, or what to say about a refused upload. */
async function submit(
  context: Context,
  client: Client,
  { app, pack, notes }: Submission,
): Promise<Submitted | Outcome> {
  const { manifest, sha256, bytes, keyId, key } = pack;
  const same = app.versions.edges
    .map(({ node }) => node)
    .find((version) => version.versionCode === manifest.version_code && version.packageSha256 === sha256);
  const title = t`${bold(manifest.id)} ${manifest.version} (${manifest.version_code})`;
  if (same !== undefined && same.state !== 'DRAFT') {
    context.output.note(t`${title} was submitted before: ${stateText(same.state)}`);
    return { versionId: same.id, fresh: false, state: same.state };
  }
  refuseSpentCode(app, manifest);
  await ensureSigner(context, client, { app, keyId, key });
  let versionId = same?.id;
  if (versionId === undefined) {
    context.output.note(t`${title}  ${byteCount(bytes.length)}`);
    const upload = await uploadPackage(context, client, { appId: app.id, bytes, sha256, releaseNotes: notes });
    if (upload.state === 'REFUSED' || upload.version === null)
      return refusedFindings(context, basename(pack.path), upload.findings.map(shownFinding));
    versionId = upload.version.id;
  }
  const input = { versionId, idempotencyKey: `submit-${versionId}` };
  const { submitVersion } = await client.request(SubmitVersionDocument, { input });
  return { versionId, fresh: true, state: payloadOf(submitVersion, 'SubmitVersionPayload', client).version.state };
}

function refuseSpentCode({ highestVersionCode, packageId }: App, manifest: Manifest): void {
  if (manifest.version_code > highestVersionCode) return;
  throw new CliError(
    'VERSION_CODE_SPENT',
    `Version code ${manifest.version_code} is spent: ${packageId} has submitted up to ${highestVersionCode}.`,
    {
      next: `set "version_code": ${highestVersionCode + 1} (and a new "version") in manifest.json, then: mosis publish`,
    },
  );
}

interface Waiting extends Submitted {
  readonly packageId: string;
  readonly wait: 'none' | 'checks' | 'decision';
  readonly timeoutSeconds: number | null;
}

/** Shows what happens on stderr until it is time to end; gives the version as it is then. */
async function follow(
  context: Context,
  client: Client,
  { versionId, packageId, fresh, state, wait, timeoutSeconds }: Waiting,
): Promise<VersionStatusFragment> {
  const { output } = context;
  // Of a version that an earlier run submitted, only what is still open is worth following.
  const open = fresh || (isWaiting(state) && !(wait === 'checks' && state === 'IN_REVIEW'));
  if (wait !== 'none' && open) {
    const stop = stopSignal(timeoutSeconds);
    try {
      for await (const event of followVersion({ client, versionId, output, signal: stop.signal })) {
        for (const line of eventLines(event, output.columns)) output.note(line);
        const waiting = isWaiting(event.version?.state ?? 'SUBMITTED');
        if (isDecision(event) && !waiting) break;
        if (wait === 'checks' && event.type === 'QUEUED') break;
      }
    } finally {
      stop.dispose();
    }
    stop.check(packageId);
  }
  const { version } = await client.request(VersionByIdDocument, { id: versionId });
  if (version !== null) return version;
  throw new CliError('NOT_FOUND', 'The version is no longer there.', { next: 'mosis versions' });
}

/** To whom it is published. */
interface Reach {
  readonly track?: 'STABLE' | 'BETA';
  readonly percent?: number;
  readonly schedule?: { at: string; percent: number }[];
}

/** What the options say of the devices; null where they say nothing. */
function reachOf(options: {
  readonly track: string | undefined;
  readonly percent: string | undefined;
  readonly schedule: string | undefined;
}): Reach | null {
  const { track, percent, schedule } = options;
  if (track === undefined && percent === undefined && schedule === undefined) return null;
  const help = 'mosis publish --help';
  return {
    track: trackOf(track),
    ...(percent === undefined ? {} : { percent: percentOf(percent, help) }),
    ...(schedule === undefined ? {} : { schedule: stepsOf(schedule, Date.now(), help) }),
  };
}

async function putInStore(
  client: Client,
  version: VersionStatusFragment,
  reach: Reach,
): Promise<VersionStatusFragment> {
  const input = { versionId: version.id, ...reach, idempotencyKey: randomUUID() };
  const { publishVersion } = await client.request(PublishVersionDocument, { input });
  payloadOf(publishVersion, 'PublishVersionPayload', client);
  const { version: now } = await client.request(VersionByIdDocument, { id: version.id });
  return now ?? version;
}

function outcome(context: Context, version: VersionStatusFragment, wantsPublish: boolean): Outcome {
  const { app, state, versionName, versionCode } = version;
  const findings = version.findings.edges.map(({ node }) => shownFinding(node));
  const errors = state === 'REJECTED' ? findings : findings.filter(({ severity }) => severity !== 'notice');
  const why = state === 'REJECTED' ? (version.feedback ?? version.stateReason) : null;
  const review = state === 'IN_REVIEW' ? reviewLines(version) : [];
  return {
    json: { ...version, findings },
    lines: [
      ...findingLines(errors, context.output.columns),
      ...(why === null ? [] : [...wrapped(why, context.output.columns), t``]),
      t`${stateText(state)}  ${bold(app.packageId)} ${versionName} (${versionCode})`,
      ...(state === 'PUBLISHED' ? version.rollouts.map((rollout) => t`  ${rolloutText(rollout)}`) : []),
      ...review,
    ],
    notes: nextNotes(version, wantsPublish),
    exit: exitOf(state),
  };
}

function reviewLines({ queue, reviewReasons }: VersionStatusFragment) {
  const reasons = reasonText(reviewReasons);
  return [
    ...(reasons === '' ? [] : [t`  ${dim('a reviewer looks at it because of')} ${reasons}`]),
    ...(queue === null ? [] : [t`  ${dim('queue')} ${queueText(queue)}`]),
  ];
}

function nextNotes({ state, app, rollouts }: VersionStatusFragment, wantsPublish: boolean) {
  if (isWaiting(state)) {
    const later = wantsPublish ? [t`${yellow('not published yet:')} it has to be approved first.`] : [];
    return [...later, dim(t`next: mosis status ${app.packageId} --watch`)];
  }
  if (state === 'APPROVED') return [dim(t`next: mosis publish --publish`)];
  if (state === 'PUBLISHED' && rollouts.some((rollout) => rollout.state === 'ACTIVE'))
    return [dim(t`next: mosis rollout raise ${app.packageId} --percent 25`)];
  if (state === 'REJECTED')
    return [dim(t`next: fix it, raise version_code, then: mosis publish (more: mosis status ${app.packageId})`)];
  return [];
}
