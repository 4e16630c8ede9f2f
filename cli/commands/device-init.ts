/** Owns `mosis device init`: which platform keys the device trusts. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { bold, dim, green, t, table, yellow } from '../text.ts';

export const deviceInit = defineCommand({
  summary: "Give the device the platform's keys",
  description:
    "With --key the device trusts the keys in that file. Without, it fetches them from the server: trust on first use, so do it on a network you trust and compare the key id with the operator's.",
  options: {
    key: { type: 'string', value: 'FILE', help: "The platform's public keys, SPKI PEM" },
    ...DEVICE_OPTIONS,
  },
  async run(context, { options }) {
    const pem = options.key === undefined ? null : await readFile(resolve(context.cwd, options.key), 'utf8');
    return await withDevice(context, options, async (device) => {
      const { keys, source } = pem === null ? await device.provisionFromNetwork() : await device.provisionFromPem(pem);
      const trust = t`${yellow('trust on first use:')} whoever answered at ${context.serverUrl} is believed from now on.`;
      return {
        json: { root: device.root, source, keys },
        lines: [
          t`${green('provisioned')}  ${bold(device.root)}`,
          ...table(
            keys.map(({ keyId }) => [dim('trusts'), keyId]),
            '  ',
          ),
        ],
        notes: source === 'network' ? [trust] : [],
      };
    });
  },
});
