/** Owns `mosis device install` and `mosis device update`: a store app put on the device, verified. */
import type { Device, InstallResult } from '../../device/device.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { confirmPermissions, DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import type { Progress } from '../output.ts';
import { bold, dim, green, type Styled, t, table } from '../text.ts';

const INSTALL_OPTIONS = {
  yes: { type: 'boolean', help: 'Grant dangerous permissions without asking' },
  ...DEVICE_OPTIONS,
} as const;
const EXITS = [
  '0  installed, or already current',
  '3  not in the store',
  '5  refused: hash, signature, format, downgrade or permissions',
  '7  network; the download goes on next time',
];

export const deviceInstall = defineCommand({
  summary: 'Install an app from the store',
  description:
    "Downloads the newest version, verifies the platform's statement, the developer's signature and every file, and swaps it in atomically.",
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes', required: true }],
  options: INSTALL_OPTIONS,
  exits: EXITS,
  async run(context, { args, options }) {
    return await withDevice(context, options, async (device) => {
      const result = await installOne(context, device, { packageId: args[0] ?? '', yes: options.yes, update: false });
      // What was installed is counted for its developer; without a network the report waits on disk.
      await device.reporter.flush();
      return { json: resultJson(result), lines: resultLines(result) };
    });
  },
});

export const deviceUpdate = defineCommand({
  summary: 'Update installed apps',
  arguments: [{ name: 'PACKAGE_ID', help: 'One app (default: all that are installed)' }],
  options: INSTALL_OPTIONS,
  exits: EXITS,
  async run(context, { args, options }) {
    return await withDevice(context, options, async (device) => {
      const ids = args[0] === undefined ? (await device.list()).map(({ packageId }) => packageId) : [args[0]];
      const results: InstallResult[] = [];
      for (const packageId of ids)
        results.push(await installOne(context, device, { packageId, yes: options.yes, update: true }));
      await device.reporter.flush();
      const lines = results.length === 0 ? [dim('Nothing is installed.')] : results.flatMap(resultLines);
      return { json: { updates: results.map(resultJson) }, lines };
    });
  },
});

interface One {
  readonly packageId: string;
  readonly yes: boolean;
  readonly update: boolean;
}

async function installOne(context: Context, device: Device, { packageId, yes, update }: One): Promise<InstallResult> {
  let bar: Progress | null = null;
  try {
    const request = {
      confirm: confirmPermissions(context, yes),
      onProgress: (done: number, total: number) => {
        bar ??= context.output.progress(`download ${packageId}`, total);
        bar.update(done);
      },
    };
    return update ? await device.update(packageId, request) : await device.install(packageId, request);
  } finally {
    endBar(bar);
  }
}

function endBar(bar: Progress | null): void {
  bar?.end();
}

function resultJson(result: InstallResult): unknown {
  return { result: result.kind, app: result.app, before: result.kind === 'current' ? null : result.before };
}

function resultLines(result: InstallResult): Styled[] {
  const { app, kind } = result;
  const from = result.kind === 'updated' && result.before !== null ? ` (was ${result.before.versionName})` : '';
  const title = t`${green(kind === 'current' ? 'current' : kind)}  ${bold(app.packageId)} ${app.versionName}${from}`;
  if (kind === 'current') return [title];
  const rows = [
    [dim('signed by'), app.signerKeyId],
    [dim('sha-256'), app.sha256],
    [dim('permissions'), app.permissions.length === 0 ? 'none' : app.permissions.join(', ')],
  ];
  return [title, ...table(rows, '  ')];
}
