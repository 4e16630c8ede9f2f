/** Owns `mosis device init`: which root of signed metadata the device trusts. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { bold, dim, green, t, table, yellow } from '../text.ts';

export const deviceInit = defineCommand({
  summary: 'Give the device the root that it trusts',
  description:
    "With --root the device trusts the root.json in that file, and every later root signed by it. Without, it fetches the server's first root: trust on first use, so do it on a network you trust.",
  options: {
    root: { type: 'string', value: 'FILE', help: "The repository's root.json" },
    ...DEVICE_OPTIONS,
  },
  async run(context, { options }) {
    const text = options.root === undefined ? null : await readFile(resolve(context.cwd, options.root), 'utf8');
    return await withDevice(context, options, async (device) => {
      const result = text === null ? await device.provisionFromNetwork() : await device.provisionFromFile(text);
      const { source, version, expires, development } = result;
      const trust = t`${yellow('trust on first use:')} whoever answered at ${context.serverUrl} is believed from now on.`;
      const trial = t`${yellow('development root:')} its key lies on the server. Good for trying out, not for devices that people rely on.`;
      return {
        json: { dir: device.root, source, root: { version, expires: expires.toISOString(), development } },
        lines: [
          t`${green('provisioned')}  ${bold(device.root)}`,
          ...table(
            [
              [dim('trusts'), `root ${version}`],
              [dim('until'), expires.toISOString().slice(0, 10)],
            ],
            '  ',
          ),
        ],
        notes: [...(source === 'network' ? [trust] : []), ...(development ? [trial] : [])],
      };
    });
  },
});
