/** Owns `mosis device list`: what is installed. */
import { defineCommand } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { bold, dim, t, table } from '../text.ts';
import { failedUpdateLines, failureJson } from './device-outcome.ts';

export const deviceList = defineCommand({
  summary: 'List what is installed',
  options: DEVICE_OPTIONS,
  async run(context, { options }) {
    return await withDevice(context, options, async (device) => {
      const apps = await device.list();
      const rows = apps.map((app) => [
        bold(app.packageId),
        app.versionName,
        `code ${app.versionCode}`,
        app.track,
        app.name,
      ]);
      const listed = table(rows).flatMap((line, at) => [
        line,
        ...(apps[at]?.failedUpdates ?? []).flatMap(failedUpdateLines),
      ]);
      return {
        json: {
          root: device.root,
          apps: apps.map((app) => ({ ...app, failedUpdates: app.failedUpdates.map(failureJson) })),
        },
        lines: rows.length === 0 ? [dim('Nothing is installed.')] : listed,
        notes: rows.length === 0 ? [t`next: mosis device install PACKAGE_ID`] : [],
      };
    });
  },
});
