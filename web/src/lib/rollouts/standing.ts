// Which rollouts matter now, and what may be done with them. Pure.
import type { RolloutBriefFragment, RolloutFragment, RolloutState, Track } from '#lib/graphql/generated/graphql.ts';

export const TRACKS = ['STABLE', 'BETA'] as const satisfies readonly Track[];
const UNFINISHED: readonly RolloutState[] = ['ACTIVE', 'PAUSED'];

export type RolloutAct = 'raise' | 'schedule' | 'pause' | 'resume' | 'halt' | 'rollBack';

/** What the state of a rollout leaves to do; whether the viewer may is `viewerCanChange`. */
export function actsOf({ state, percent }: Pick<RolloutFragment, 'state' | 'percent'>): RolloutAct[] {
  switch (state) {
    case 'ACTIVE':
      return ['raise', 'schedule', 'pause', 'rollBack', 'halt'];
    case 'PAUSED':
      return percent < 100 ? ['resume', 'schedule', 'rollBack', 'halt'] : ['resume', 'rollBack', 'halt'];
    case 'COMPLETE':
      return ['pause', 'rollBack', 'halt'];
    case 'HALTED':
    case 'SUPERSEDED':
      return [];
  }
}

export function isUnfinished({ state }: Pick<RolloutBriefFragment, 'state'>): boolean {
  return UNFINISHED.includes(state);
}

/** The rollout of a track, where the version has one. */
export function onTrack<Rollout extends RolloutBriefFragment>(
  rollouts: readonly Rollout[],
  track: Track,
): Rollout | undefined {
  return rollouts.find((each) => each.track === track);
}

/** The tracks on which a published version can be started: none yet, or ended before. */
export function startable(rollouts: readonly RolloutBriefFragment[]): { track: Track; again: boolean }[] {
  return TRACKS.flatMap((track): { track: Track; again: boolean }[] => {
    const there = onTrack(rollouts, track);
    if (there === undefined) return [{ track, again: false }];
    return there.state === 'HALTED' || there.state === 'SUPERSEDED' ? [{ track, again: true }] : [];
  });
}

/** Whether every device on stable is offered the version. */
export function isForEverybody(rollouts: readonly RolloutBriefFragment[]): boolean {
  return onTrack(rollouts, 'STABLE')?.state === 'COMPLETE';
}

type Released = { versionCode: number; state: string; publishedAt?: string | null };

/** The versions that a device can be taken back to from `fromCode`, the newest first. */
export function rollbackTargets<Version extends Released>(versions: readonly Version[], fromCode: number): Version[] {
  return versions
    .filter(({ versionCode, publishedAt }) => versionCode < fromCode && publishedAt)
    .filter(({ state }) => state === 'PUBLISHED' || state === 'UNPUBLISHED')
    .sort((a, b) => b.versionCode - a.versionCode);
}

/** The target to begin with: the newest that was not itself stopped or taken back, or else the newest. */
export function suggestedTarget<Version extends { rollouts: readonly RolloutBriefFragment[] }>(
  targets: readonly Version[],
): Version | undefined {
  return targets.find(({ rollouts }) => !wasHalted(rollouts)) ?? targets[0];
}

/** Whether its rollout was halted on a track, as it is by a rollback. */
export function wasHalted(rollouts: readonly RolloutBriefFragment[]): boolean {
  return rollouts.some(({ state }) => state === 'HALTED');
}

type Offered = RolloutBriefFragment & { version: { versionCode: number; state: string } };

/**
 * What devices are offered or could be soon: unfinished rollouts, and on each track the newest complete one whose version is
 * live; and all the others.
 */
export function presentAndPast<Rollout extends Offered>(
  rollouts: readonly Rollout[],
): { present: Rollout[]; past: Rollout[] } {
  const newest = TRACKS.map((track) =>
    rollouts
      .filter((each) => each.track === track && each.state === 'COMPLETE' && each.version.state === 'PUBLISHED')
      .reduce<Rollout | undefined>(
        (best, each) => (best === undefined || each.version.versionCode > best.version.versionCode ? each : best),
        undefined,
      ),
  );
  const isPresent = (each: Rollout) => isUnfinished(each) || newest.includes(each);
  return {
    present: rollouts.filter(isPresent).sort((a, b) => b.version.versionCode - a.version.versionCode),
    past: rollouts.filter((each) => !isPresent(each)),
  };
}

/** What the page of a live version says of its rollouts in one sentence; null where it is simply there for everybody. */
export type Headline =
  | { kind: 'none' }
  | { kind: 'active' | 'paused' | 'betaOnly'; percent: number }
  | { kind: 'betaPaused' };

export function headlineOf(rollouts: readonly RolloutBriefFragment[]): Headline | null {
  const stable = onTrack(rollouts, 'STABLE');
  const beta = onTrack(rollouts, 'BETA');
  if (stable?.state === 'COMPLETE') return null;
  if (stable?.state === 'ACTIVE') return { kind: 'active', percent: stable.percent };
  if (stable?.state === 'PAUSED') return { kind: 'paused', percent: stable.percent };
  if (beta?.state === 'ACTIVE' || beta?.state === 'COMPLETE') return { kind: 'betaOnly', percent: beta.percent };
  if (beta?.state === 'PAUSED') return { kind: 'betaPaused' };
  return rollouts.length === 0 ? null : { kind: 'none' };
}
