/** Owns `mosis device list`: what is installed. */
import { defineCommand } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { bold, dim, t, table } from '../text.ts';

export const deviceList = defineCommand({
  summary: 'List what is installed',
  options: DEVICE_OPTIONS,
  async run(context, { options }) {
    return await withDevice(context, options, async (device) => {
      const apps = await device.list();
      const rows = apps.map((app) => [bold(app.packageId), app.versionName, `code ${app.versionCode}`, app.name]);
      const empty = [dim('Nothing is installed.')];
      return {
        json: { root: device.root, apps },
        lines: rows.length === 0 ? empty : table(rows),
        notes: rows.length === 0 ? [t`next: mosis device install PACKAGE_ID`] : [],
      };
    });
  },
});
