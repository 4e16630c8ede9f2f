/** Owns `mosis device update`: what became of each app, and the one exit code for all of them. */
import type { UpdateOutcome, UpdateSummary } from '../../device/acquire.ts';
import type { Device } from '../../device/device.ts';
import { DeviceError } from '../../device/errors.ts';
import type { UpdateRequest } from '../../device/take.ts';
import { defineCommand } from '../command.ts';
import { confirmPermissions, exitOfDeviceError, withDevice } from '../device-host.ts';
import { EXIT, type ExitCode, usageError } from '../errors.ts';
import { dim, type Styled, t, yellow } from '../text.ts';
import { progressBars, TAKE_EXITS, TAKE_OPTIONS } from './device-install.ts';
import { outcomeJson, outcomeLines } from './device-outcome.ts';

export const deviceUpdate = defineCommand({
  summary: 'Update installed apps',
  description:
    'Without a PACKAGE_ID it updates all apps by one update check; an update that failed before is tried again an hour later, then after two, and so on up to a week. An app that is named is tried at once. Whatever fails, the installed version stays.',
  arguments: [{ name: 'PACKAGE_ID', help: 'Apps to update (default: all that are installed)', many: true }],
  options: {
    all: { type: 'boolean', help: 'Update all that are installed, as without a PACKAGE_ID' },
    ...TAKE_OPTIONS,
  },
  exits: TAKE_EXITS,
  examples: ['mosis device update', 'mosis device update com.example.notes'],
  async run(context, { args, options }) {
    if (options.all && args.length > 0)
      throw usageError('--all and a PACKAGE_ID exclude each other.', 'mosis device update --all');
    return await withDevice(context, options, async (device) => {
      const bars = progressBars(context);
      const request = {
        confirm: confirmPermissions(context, options.yes),
        onProgress: bars.onProgress,
        onKnownIssue: (packageId: string, versionCode: number, note: string) =>
          context.output.note(t`${yellow('known issue:')} ${packageId} code ${versionCode}: ${note}`),
      };
      const { outcomes, gone, checked } =
        args.length === 0 ? await device.updateAll(request) : await updateNamed(device, args, request);
      bars.end();
      await device.reporter.flush({ urgent: outcomes.some(({ kind }) => kind === 'failed') });
      const apps = await device.list();
      const noteOf = ({ app }: UpdateOutcome, versionCode: number | null): string | null =>
        apps
          .find(({ packageId }) => packageId === app.packageId)
          ?.failedUpdates.find((failed) => failed.versionCode === versionCode)?.note ?? null;
      const withNotes = outcomes.map((outcome) => ({
        outcome,
        note: outcome.kind === 'failed' ? noteOf(outcome, outcome.versionCode) : null,
      }));
      return {
        json: { updates: withNotes.map(({ outcome, note }) => outcomeJson(outcome, note)), gone, checked },
        lines:
          outcomes.length === 0
            ? [dim('Nothing is installed.')]
            : withNotes.flatMap(({ outcome, note }) => outcomeLines(outcome, note)),
        notes: notesOf({ gone, checked }),
        exit: exitOf(outcomes),
      };
    });
  },
});

/** The named apps, tried even where they failed before; a failure of one does not keep the others. */
async function updateNamed(
  device: Device,
  packageIds: readonly string[],
  request: UpdateRequest,
): Promise<UpdateSummary> {
  const outcomes: UpdateOutcome[] = [];
  for (const packageId of new Set(packageIds)) {
    const app = (await device.list()).find((each) => each.packageId === packageId);
    try {
      outcomes.push(await device.update(packageId, request));
    } catch (error) {
      if (app === undefined || packageIds.length === 1 || !(error instanceof DeviceError)) throw error;
      const [failed] = (await device.list()).flatMap((each) =>
        each.packageId === packageId ? each.failedUpdates : [],
      );
      outcomes.push({ kind: 'failed', app, versionCode: failed?.versionCode ?? null, error });
    }
  }
  return { outcomes, gone: [], checked: true };
}

function notesOf({ gone, checked }: Pick<UpdateSummary, 'gone' | 'checked'>): Styled[] {
  return [
    ...gone.map((packageId) => t`${yellow('gone:')} the store does not serve ${packageId} now; it stays as it is.`),
    ...(checked ? [] : [t`${yellow('no update check:')} the server answers none; each app was looked up by itself.`]),
  ];
}

/** What was refused comes before what may pass by itself. */
function exitOf(outcomes: readonly UpdateOutcome[]): ExitCode {
  const codes = outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' ? [exitOfDeviceError(outcome.error.code)] : [],
  );
  return codes.find((code) => code !== EXIT.network) ?? codes[0] ?? EXIT.done;
}
