/** Owns `mosis rollout back`: taking devices back to an earlier version. */
import { randomUUID } from 'node:crypto';
import { payloadOf } from '../client.ts';
import { defineCommand } from '../command.ts';
import { CliError, EXIT, usageError } from '../errors.ts';
import { AppVersionsDocument, RollBackDocument } from '../generated/operations.ts';
import { TRACK_CHOICES, trackOf } from '../rollout-input.ts';
import { type AppRollouts, appRollouts, codeOf, rolloutText } from '../rollout-view.ts';
import { bold, dim, t, yellow } from '../text.ts';
import { reasonOf } from './rollout-change.ts';

const HELP = 'mosis rollout back --help';

export const rolloutBack = defineCommand({
  summary: 'Take devices back to an earlier version',
  description:
    'The only way a version code goes down on a device. Every version between is taken back and halted; the version gone back to is for every device of the track. On stable the same versions end on beta too. Devices show the reason.',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' }],
  options: {
    to: { type: 'string', value: 'CODE', help: 'Version code to go back to' },
    from: { type: 'string', value: 'CODE', help: 'Version code to leave (default: the highest on the track)' },
    reason: { type: 'string', value: 'TEXT', help: 'Why, as devices show it' },
    'restore-data': {
      type: 'boolean',
      help: "Put back the app's data as it was before the update, where a device has it",
    },
    track: { type: 'string', value: 'TRACK', help: 'Devices on which track; default stable', choices: TRACK_CHOICES },
    yes: { type: 'boolean', short: 'y', help: 'Do not ask' },
  },
  exits: [
    '0  rolled back',
    '2  not a lower version code',
    '3  no such version',
    '4  only owners may',
    '6  not possible as it is',
  ],
  examples: [
    'mosis rollout back --to 12 --reason "Notes are lost"',
    'mosis rollout back --from 14 --to 12 --restore-data --yes --reason "Notes are lost"',
  ],
  async run(context, { args, options }) {
    if (options.to === undefined) throw usageError('Say where to go back to: --to CODE.', HELP);
    const toCode = codeOf(options.to, '--to', HELP);
    const track = trackOf(options.track);
    const reason = await reasonOf(context, options.reason);
    const client = await context.client();
    const app = await appRollouts(context, client, args[0]);
    const from = leftVersion(app, track, options.from);
    const { app: listed } = await client.request(AppVersionsDocument, { packageId: app.packageId, first: 100 });
    const to = listed?.versions.edges.map(({ node }) => node).find((node) => node.versionCode === toCode);
    if (to === undefined)
      throw new CliError('NOT_FOUND', `${app.packageId} has no version with the code ${toCode}.`, {
        next: `mosis versions ${app.packageId}`,
      });
    context.output.note(
      t`${yellow('takes back:')} devices on ${track.toLowerCase()} from ${from.versionName} (${from.versionCode}) to ${to.versionName} (${to.versionCode})${options['restore-data'] ? ', with their data of then' : ''}`,
    );
    if (!options.yes && !(await context.prompt.confirm(t`Roll back`, '--yes')))
      throw new CliError('CANCELLED', 'Cancelled; nothing was changed.', { exit: EXIT.failed });
    const { rollBack } = await client.request(RollBackDocument, {
      input: {
        appId: app.id,
        track,
        fromVersionId: from.id,
        toVersionId: to.id,
        reason,
        restoreData: options['restore-data'],
        idempotencyKey: randomUUID(),
      },
    });
    const { rollout, rollbacks } = payloadOf(rollBack, 'RollBackPayload', client);
    const left = rollbacks.map(({ fromVersionCode }) => fromVersionCode).join(', ');
    return {
      json: { rollout, rollbacks },
      lines: [
        t`${bold(to.versionName)} (${to.versionCode})  ${rolloutText(rollout)}`,
        t`  ${dim('in place of version codes')} ${left}`,
      ],
    };
  },
});

/** The version to leave: as asked, or the highest that the track offers. */
function leftVersion({ packageId, rollouts }: AppRollouts, track: 'STABLE' | 'BETA', asked: string | undefined) {
  const wanted = asked === undefined ? null : codeOf(asked, '--from', HELP);
  const found = rollouts
    .filter((rollout) => rollout.track === track)
    .filter(({ state, version }) =>
      wanted === null ? state !== 'HALTED' && state !== 'SUPERSEDED' : version.versionCode === wanted,
    )
    .map(({ version }) => version)
    .sort((a, b) => b.versionCode - a.versionCode)[0];
  if (found !== undefined) return found;
  const what = wanted === null ? 'nothing is offered' : `version code ${wanted} was never offered`;
  throw new CliError('NOT_FOUND', `On ${track.toLowerCase()} ${what} of ${packageId}.`, {
    next: `mosis rollout list ${packageId}`,
  });
}
