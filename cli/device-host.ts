/** Owns the reference device as the commands drive it: its folder, its server, and its failures as this program's. */
import { resolve } from 'node:path';
import { createDevice, type Device } from '../device/device.ts';
import { DeviceError, type DeviceErrorCode } from '../device/errors.ts';
import type { InstallPlan } from '../device/take.ts';
import type { Context } from './context.ts';
import { CliError, EXIT, type ExitCode, usageError } from './errors.ts';
import { bold, joined, t, yellow } from './text.ts';

/** Options of every `mosis device` command. */
export const DEVICE_OPTIONS = {
  dir: { type: 'string', value: 'DIR', help: "The device's folder (default $MOSIS_DEVICE_ROOT, else ./device-root)" },
  'mosis-version': { type: 'string', value: 'VERSION', help: 'Version of Mosis on the device (default 1.0.0)' },
} as const;

interface HostOptions {
  readonly dir: string | undefined;
  readonly 'mosis-version': string | undefined;
}

/** Runs work on the device; what an interrupted run left is finished first, and said. */
export async function withDevice<T>(
  context: Context,
  options: HostOptions,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const root = resolve(context.cwd, options.dir ?? (context.env.MOSIS_DEVICE_ROOT || 'device-root'));
  const mosisVersion = options['mosis-version'];
  try {
    const device = createDevice({
      root,
      serverUrl: context.serverUrl,
      fetch: context.fetch,
      clock: context.clock,
      ...(mosisVersion === undefined ? {} : { mosisVersion }),
    });
    const finished = await device.recover();
    if (finished !== null) {
      const what = finished.kind === 'swap' ? 'installation' : 'removal';
      context.output.note(t`${yellow('recovered:')} the interrupted ${what} of ${finished.packageId} was finished.`);
    }
    return await work(device);
  } catch (error) {
    if (error instanceof DeviceError) throw asCliError(error);
    if (error instanceof RangeError) throw usageError(error.message, 'give --mosis-version a semantic version');
    throw error;
  }
}

const EXITS: Readonly<Record<DeviceErrorCode, ExitCode>> = {
  DEVICE_NOT_PROVISIONED: EXIT.failed,
  NOT_FOUND: EXIT.notFound,
  NOT_INSTALLED: EXIT.notFound,
  NETWORK: EXIT.network,
  RATE_LIMITED: EXIT.network,
  PROTOCOL: EXIT.failed,
  STATE_BROKEN: EXIT.failed,
  DOWNLOAD_CORRUPT: EXIT.rejected,
  NOT_VOUCHED_FOR: EXIT.rejected,
  PIN_CHAIN_BROKEN: EXIT.rejected,
  SIGNER_NOT_PINNED: EXIT.rejected,
  NOT_OFFERED: EXIT.rejected,
  PACKAGE_REFUSED: EXIT.rejected,
  PACKAGE_MISMATCH: EXIT.rejected,
  DOWNGRADE_REFUSED: EXIT.rejected,
  METADATA_UNTRUSTED: EXIT.rejected,
  METADATA_ROLLBACK: EXIT.rejected,
  METADATA_EXPIRED: EXIT.rejected,
  METADATA_MIXED: EXIT.rejected,
  METADATA_TOO_LARGE: EXIT.rejected,
  METADATA_INVALID: EXIT.rejected,
  CLOCK_WRONG: EXIT.failed,
  MOSIS_TOO_OLD: EXIT.rejected,
  PERMISSIONS_REFUSED: EXIT.rejected,
  DEVICE_BUSY: EXIT.conflict,
  DISK_FULL: EXIT.failed,
  STORAGE_FAILED: EXIT.failed,
};

/** The exit code of a device's failure. */
export function exitOfDeviceError(code: DeviceErrorCode): ExitCode {
  return EXITS[code];
}

const NEXT: Partial<Readonly<Record<DeviceErrorCode, string>>> = {
  DEVICE_NOT_PROVISIONED: 'mosis device init --root FILE (or without --root, to trust the server this once)',
  NOT_FOUND: 'check the package id in the store',
  NOT_INSTALLED: 'mosis device list',
  NETWORK: 'mosis doctor (another server: --url or MOSIS_URL)',
  RATE_LIMITED: 'wait and run the command again; a begun download goes on where it broke off',
  DOWNLOAD_CORRUPT: 'run the command again; if it stays, tell the operator of the server',
  NOT_VOUCHED_FOR: 'do not install it from elsewhere; wait a minute, or ask the operator of the server',
  PIN_CHAIN_BROKEN: "do not install it; ask the app's developer who signs it",
  SIGNER_NOT_PINNED: "do not install it; ask the app's developer who signs it",
  NOT_OFFERED:
    'wait: the rollout has not reached this device, or follow another track: mosis device track PACKAGE_ID beta',
  METADATA_EXPIRED: 'check the clock of this device, then the operator of the server',
  CLOCK_WRONG: 'set the clock of this device',
  PERMISSIONS_REFUSED: 'mosis device install PACKAGE_ID --yes, to grant them',
  DEVICE_BUSY: 'wait for the other process, or choose another folder with --dir',
  DISK_FULL: 'make room (mosis device uninstall PACKAGE_ID removes an app), then run the command again',
  STORAGE_FAILED: "check the permissions of the device's folder (--dir)",
  MOSIS_TOO_OLD: 'update Mosis on the device (here: --mosis-version)',
};

function asCliError(error: DeviceError): CliError {
  const next = NEXT[error.code];
  const extra = next === undefined ? {} : { next };
  return new CliError(error.code, error.message, {
    exit: EXITS[error.code],
    details: error.details,
    cause: error,
    ...extra,
  });
}

/** Asks the person about new dangerous permissions; `--yes` has answered. */
export function confirmPermissions(context: Context, yes: boolean): (plan: InstallPlan) => Promise<boolean> {
  return async ({ manifest, newDangerous, recoveredKeys }) => {
    if (recoveredKeys) {
      context.output.note(
        t`${yellow('new keys:')} the developer of ${manifest.name} lost the old ones; the platform named new ones.`,
      );
      if (newDangerous.length === 0) return yes || (await context.prompt.confirm(t`Trust them`, '--yes'));
    }
    const names = joined(
      newDangerous.map((name) => bold(name)),
      ', ',
    );
    context.output.note(t`${yellow('asks for:')} ${manifest.name} wants ${names}.`);
    return yes || (await context.prompt.confirm(t`Grant them`, '--yes'));
  };
}
