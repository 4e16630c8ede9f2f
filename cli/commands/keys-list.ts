/** Owns `mosis keys list`. */
import { defineCommand } from '../command.ts';
import { registeredKeys } from '../pinning.ts';
import { bold, dim, green, red, t, table } from '../text.ts';

export const keysList = defineCommand({
  summary: 'List your registered keys',
  async run(context) {
    const keys = await registeredKeys(await context.client());
    const rows = keys.map((key) => [
      bold(key.keyId),
      key.name,
      key.status === 'ACTIVE' ? green('active') : red(key.status.toLowerCase()),
      key.pinnedApps.length === 0 ? dim('not pinned') : key.pinnedApps.map(({ packageId }) => packageId).join(', '),
    ]);
    return {
      json: { keys },
      lines: rows.length === 0 ? [dim('No keys are registered.')] : table(rows),
      notes: rows.length === 0 ? [t`next: mosis keys generate, then mosis keys register`] : [],
    };
  },
});
