/** Owns `mosis rollout list`. */
import { defineCommand } from '../command.ts';
import { appRollouts, rolloutLines } from '../rollout-view.ts';
import { bold, dim, t } from '../text.ts';
import { localTime } from '../version-view.ts';

export const rolloutList = defineCommand({
  summary: 'List the rollouts and rollbacks of an app',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' }],
  options: { all: { type: 'boolean', help: 'Up to 100 instead of the newest 20' } },
  exits: ['0  listed', '3  no such app'],
  async run(context, { args, options }) {
    const client = await context.client();
    const { packageId, rollouts, rollbacks } = await appRollouts(context, client, args[0], options.all ? 100 : 20);
    const back = rollbacks.map(
      ({ fromVersionCode, track, to, reason, createdAt }) =>
        t`${bold(String(fromVersionCode))} → ${to.versionName} (${to.versionCode})  ${dim(`${track.toLowerCase()}, since ${localTime(createdAt)}:`)} ${reason}`,
    );
    return {
      json: { packageId, rollouts, rollbacks },
      lines: [
        ...(rollouts.length === 0 ? [dim('No version was published yet.')] : []),
        ...rollouts.flatMap((rollout) => rolloutLines(rollout, rollout.version)),
        ...(back.length === 0 ? [] : [t``, dim('Taken back:'), ...back]),
      ],
      notes: rollouts.length === 0 ? [dim(t`next: mosis publish --percent 5`)] : [],
    };
  },
});
