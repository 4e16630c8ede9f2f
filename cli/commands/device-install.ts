/** Owns `mosis device install` and `mosis device track`: a store app put on the device, verified, and the track it follows. */
import { TRACKS, type Track } from '../../format/trust/targets.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { confirmPermissions, DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { EXIT, usageError } from '../errors.ts';
import type { Progress } from '../output.ts';
import { bold, green, t } from '../text.ts';
import { outcomeJson, outcomeLines } from './device-outcome.ts';

/** Options of the commands that bring packages. */
export const TAKE_OPTIONS = {
  yes: { type: 'boolean', help: 'Grant dangerous permissions without asking' },
  ...DEVICE_OPTIONS,
} as const;
export const TAKE_EXITS = [
  '0  installed, or already current',
  '1  no room, a folder that cannot be used, or a wrong clock',
  '3  not in the store, or not installed',
  '5  refused: not offered, hash, signature, format, downgrade, metadata or permissions',
  '6  another process works on the folder',
  '7  network; the download goes on next time',
];

export const deviceInstall = defineCommand({
  summary: 'Install an app from the store',
  description:
    'Installs the newest version that the device is offered: looks it up in the signed metadata, downloads it, verifies hash, signature and every file, and swaps it in atomically. With --track beta the app follows the beta track from now on.',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes', required: true }],
  options: {
    track: {
      type: 'string',
      value: 'TRACK',
      choices: TRACKS,
      help: 'The track to follow (default: what it follows already, else stable)',
    },
    ...TAKE_OPTIONS,
  },
  exits: TAKE_EXITS,
  examples: ['mosis device install com.example.notes', 'mosis device install com.example.notes --track beta'],
  async run(context, { args, options }) {
    return await withDevice(context, options, async (device) => {
      const bars = progressBars(context);
      const track = trackOf(options.track);
      try {
        const result = await device.install(args[0] ?? '', {
          confirm: confirmPermissions(context, options.yes),
          onProgress: bars.onProgress,
          ...(track === null ? {} : { track }),
        });
        bars.end();
        return { json: outcomeJson(result), lines: outcomeLines(result) };
      } finally {
        bars.end();
        // What was installed, or why not, is counted for its developer; without a network the report waits on disk.
        await device.reporter.flush({ urgent: true });
      }
    });
  },
});

export const deviceTrack = defineCommand({
  summary: 'Follow another track',
  description:
    'On beta an app gets the versions that its developer tries out, and the stable ones too. Back on stable, a beta version stays until a newer stable one comes.',
  arguments: [
    { name: 'PACKAGE_ID', help: 'An installed app', required: true },
    { name: 'TRACK', help: TRACKS.join(' or '), required: true },
  ],
  options: DEVICE_OPTIONS,
  exits: ['3  not installed'],
  examples: ['mosis device track com.example.notes beta'],
  async run(context, { args, options }) {
    const track = trackOf(args[1]);
    if (track === null)
      throw usageError(`TRACK is one of ${TRACKS.join(', ')}; not "${args[1]}".`, 'mosis device track --help');
    return await withDevice(context, options, async (device) => {
      const app = await device.follow(args[0] ?? '', track);
      return {
        json: { app },
        lines: [t`${green('follows')}  ${bold(app.packageId)} ${track}`],
        notes: [t`next: mosis device update ${app.packageId}`],
        exit: EXIT.done,
      };
    });
  },
});

function trackOf(word: string | undefined): Track | null {
  return TRACKS.find((track) => track === word) ?? null;
}

/** A bar for each package as its first bytes come; `end` ends the last. */
export function progressBars(context: Context) {
  let bar: { packageId: string; progress: Progress } | null = null;
  const end = () => {
    bar?.progress.end();
    bar = null;
  };
  return {
    end,
    onProgress(done: number, total: number, packageId: string) {
      if (bar?.packageId !== packageId) {
        end();
        bar = { packageId, progress: context.output.progress(`download ${packageId}`, total) };
      }
      bar.progress.update(done);
    },
  };
}
