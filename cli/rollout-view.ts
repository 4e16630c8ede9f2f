/** Owns how rollouts look at the terminal, and which one a command is about. It changes nothing at the server. */
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { CliError, usageError } from './errors.ts';
import { AppRolloutsDocument, type AppRolloutsQuery, type RolloutFieldsFragment } from './generated/operations.ts';
import { noSuchApp, packageIdFor } from './package-id.ts';
import { bold, dim, green, red, type Styled, styled, t, yellow } from './text.ts';
import { localTime } from './version-view.ts';

/** As many as the server lists at once. */
const MOST = 100;

export type AppRollouts = NonNullable<AppRolloutsQuery['app']>;
export type ListedRollout = AppRollouts['rollouts'][number];

/** The app with its rollouts and rollbacks. Throws NOT_FOUND. */
export async function appRollouts(
  context: Context,
  client: Client,
  given: string | undefined,
  first: number = MOST,
): Promise<AppRollouts> {
  const packageId = await packageIdFor(context, given);
  const { app } = await client.request(AppRolloutsDocument, { packageId, first });
  if (app === null) throw noSuchApp(packageId, client.credential !== null);
  return app;
}

export interface Which {
  readonly track: 'STABLE' | 'BETA';
  /** As `--code` has it; the one that fits where there is only one. */
  readonly code: string | undefined;
  /** States that the command is for. */
  readonly states: readonly RolloutFieldsFragment['state'][];
  readonly help: string;
}

/** The rollout that a command means. Throws NOT_FOUND, or a usage error where several could be meant. */
export function oneRollout({ packageId, rollouts }: AppRollouts, { track, code, states, help }: Which): ListedRollout {
  const onTrack = rollouts.filter((rollout) => rollout.track === track);
  if (code !== undefined) {
    const found = onTrack.find(({ version }) => version.versionCode === codeOf(code, '--code', help));
    if (found !== undefined) return found;
    throw nothing(`${packageId} has no rollout of version code ${code} on ${track.toLowerCase()}.`, packageId);
  }
  const [first, second, ...more] = onTrack.filter(({ state }) => states.includes(state));
  if (first === undefined) {
    const words = states.map((state) => state.toLowerCase()).join(' or ');
    throw nothing(`${packageId} has no rollout on ${track.toLowerCase()} that is ${words}.`, packageId);
  }
  if (second === undefined) return first;
  const codes = [first, second, ...more].map(({ version }) => version.versionCode).join(', ');
  throw usageError(
    `Several rollouts could be meant, of version codes ${codes}.`,
    `add --code ${first.version.versionCode}`,
  );
}

function nothing(message: string, packageId: string): CliError {
  return new CliError('NOT_FOUND', message, { next: `mosis rollout list ${packageId}` });
}

/** A version code of the command line. Throws a usage error. */
export function codeOf(text: string, option: string, help: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw usageError(`${option} is a version code, not "${text}".`, help);
}

type Shown = Pick<RolloutFieldsFragment, 'state' | 'percent' | 'track' | 'pausedBy'>;

/** `active` in its colour. */
export function rolloutState({ state, pausedBy }: Shown): Styled {
  const word = state.toLowerCase();
  if (state === 'COMPLETE') return green(word);
  if (state === 'ACTIVE') return yellow(word);
  if (state === 'PAUSED') return red(pausedBy === 'GUARD' ? 'paused by the platform' : word);
  return styled(word);
}

/** `5 % of stable, active`. */
export function rolloutText(rollout: Shown): Styled {
  return t`${rollout.percent} % of ${rollout.track.toLowerCase()}, ${rolloutState(rollout)}`;
}

/** Lines on one rollout below its heading: why it stands, what comes, what the platform found. */
export function rolloutDetails({ reason, schedule, guard }: RolloutFieldsFragment): Styled[] {
  return [
    ...(reason === null ? [] : [t`  ${dim('because')} ${reason}`]),
    ...schedule.map(({ at, percent }) => t`  ${dim('then')} ${percent} % ${dim('at')} ${localTime(at)}`),
    ...(guard === null ? [] : [t`  ${dim('crashes')} ${guardText(guard)}`]),
  ];
}

function guardText(guard: NonNullable<RolloutFieldsFragment['guard']>): string {
  const { verdict, devices, crashFreePercent, previousVersion, previousCrashFreePercent } = guard;
  if (verdict === 'TOO_FEW_DEVICES') return `too few devices yet to compare (${devices})`;
  if (verdict === 'NOTHING_TO_COMPARE') return 'nothing to compare with';
  const found = `${share(crashFreePercent)} of devices free of crashes, ${share(previousCrashFreePercent)} with ${previousVersion ?? 'the version before'}`;
  return verdict === 'WORSE' ? `worse: ${found}` : `no worse: ${found}`;
}

function share(percent: number | null): string {
  return percent === null ? '?' : `${percent.toFixed(1)} %`;
}

/** `1.2.0 (3)  5 % of stable, active`, and what there is to say. */
export function rolloutLines(
  rollout: RolloutFieldsFragment,
  version: { readonly versionName: string; readonly versionCode: number },
): Styled[] {
  return [
    t`${bold(version.versionName)} (${version.versionCode})  ${rolloutText(rollout)}`,
    ...rolloutDetails(rollout),
  ];
}
