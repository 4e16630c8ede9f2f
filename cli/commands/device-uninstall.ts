/** Owns `mosis device uninstall`. */
import { defineCommand } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { bold, green, t } from '../text.ts';

export const deviceUninstall = defineCommand({
  summary: 'Remove an app',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes', required: true }],
  options: {
    'keep-data': { type: 'boolean', help: "Keep the app's data, cache and db folders for a later install" },
    ...DEVICE_OPTIONS,
  },
  async run(context, { args, options }) {
    return await withDevice(context, options, async (device) => {
      const keepData = options['keep-data'];
      const app = await device.uninstall(args[0] ?? '', { keepData });
      const data = keepData ? 'its data was kept' : 'with its data';
      return {
        json: { removed: app, keptData: keepData },
        lines: [t`${green('removed')}  ${bold(app.packageId)} ${app.versionName}, ${data}`],
      };
    });
  },
});
