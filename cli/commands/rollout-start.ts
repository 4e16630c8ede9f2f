/** Owns `mosis rollout start`: a published version onto another track, or again after its rollout ended. */
import { randomUUID } from 'node:crypto';
import { payloadOf } from '../client.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../errors.ts';
import { AppVersionsDocument, StartRolloutDocument } from '../generated/operations.ts';
import { noSuchApp, packageIdFor } from '../package-id.ts';
import { percentOf, SCHEDULE_HELP, stepsOf, TRACK_CHOICES, trackOf } from '../rollout-input.ts';
import { codeOf, rolloutLines } from '../rollout-view.ts';

const HELP = 'mosis rollout start --help';

export const rolloutStart = defineCommand({
  summary: 'Offer a published version on a track, or again after a halt',
  description:
    'Brings a version from beta to stable, or starts a halted rollout anew. The same devices come first as before. To publish a version for the first time: mosis publish --percent 5.',
  arguments: [
    { name: 'CODE', help: 'Version code', required: true },
    { name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' },
  ],
  options: {
    track: {
      type: 'string',
      value: 'TRACK',
      help: 'For devices on which track; default stable',
      choices: TRACK_CHOICES,
    },
    percent: { type: 'string', value: 'PERCENT', help: 'Share of the devices it begins with; default 100' },
    schedule: { type: 'string', value: 'STEPS', help: SCHEDULE_HELP },
  },
  exits: ['0  started', '3  no such version', '4  only owners may', '6  it runs already, or is not published'],
  examples: ['mosis rollout start 14 --percent 5', 'mosis rollout start 14 --percent 5 --schedule 20@24h,100@3d'],
  async run(context, { args, options }) {
    const versionCode = codeOf(args[0] ?? '', 'CODE', HELP);
    const percent = options.percent === undefined ? 100 : percentOf(options.percent, HELP);
    const schedule = options.schedule === undefined ? [] : stepsOf(options.schedule, Date.now(), HELP);
    const packageId = await packageIdFor(context, args[1]);
    const client = await context.client();
    const { app } = await client.request(AppVersionsDocument, { packageId, first: 100 });
    if (app === null) throw noSuchApp(packageId, client.credential !== null);
    const version = app.versions.edges.map(({ node }) => node).find((node) => node.versionCode === versionCode);
    if (version === undefined)
      throw new CliError('NOT_FOUND', `${packageId} has no version with the code ${versionCode}.`, {
        next: `mosis versions ${packageId}`,
      });
    const { startRollout } = await client.request(StartRolloutDocument, {
      input: {
        versionId: version.id,
        track: trackOf(options.track),
        percent,
        schedule,
        idempotencyKey: randomUUID(),
      },
    });
    const { rollout } = payloadOf(startRollout, 'StartRolloutPayload', client);
    return { json: rollout, lines: rolloutLines(rollout, version) };
  },
});
