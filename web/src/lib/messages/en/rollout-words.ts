// The English words of what became of a rollout; timelines and the pages of rollouts share them.
import type { TimelineEventFragment, Track } from '#lib/graphql/generated/graphql.ts';

export type RolloutNews = NonNullable<TimelineEventFragment['rollout']>;

export const track: Record<Track, string> = { STABLE: 'Stable', BETA: 'Beta' };
/** "12.5 %". */
export const share = (percent: number) => `${Number(percent.toFixed(2))} %`;

/** What became of a rollout, as a line of a timeline; `by` is the person with a leading " by ". */
export function rolloutChange(it: RolloutNews, by: string): string {
  const where = track[it.track].toLowerCase();
  const who = it.by === 'GUARD' ? ' by the platform' : it.by === 'SCHEDULE' ? ' as scheduled' : by;
  switch (it.change) {
    case 'STARTED':
      return `Rollout to ${share(it.percent)} of ${where} began${who}`;
    case 'RAISED':
      return `Raised to ${share(it.percent)} of ${where}${who}`;
    case 'SCHEDULED':
      return `Schedule of the rollout to ${where} changed${who}`;
    case 'PAUSED':
      return `Rollout to ${where} paused at ${share(it.percent)}${who}`;
    case 'RESUMED':
      return `Rollout to ${where} goes on at ${share(it.percent)}${who}`;
    case 'HALTED':
      return `Rollout to ${where} halted at ${share(it.percent)}${who}`;
    case 'SUPERSEDED':
      return `A newer version reached everybody on ${where}; this rollout ended`;
    case 'COMPLETED':
      return `Every device on ${where} is offered it now${who}`;
    case 'ROLLED_BACK':
      return it.toVersionCode === null || it.toVersionCode === undefined
        ? `Devices on ${where} are taken back${who}`
        : `Devices on ${where} are taken back to version code ${it.toVersionCode}${who}`;
  }
}
