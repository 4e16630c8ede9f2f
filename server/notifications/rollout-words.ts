/** Owns the words of mails about rollouts; pure. */
import type { JsonObject } from '../platform/json.ts';

/** Changes that are mailed: what stops a rollout, goes on with it or ends it, but not each step of one. */
const MAILED_CHANGES: readonly unknown[] = ['PAUSED', 'RESUMED', 'HALTED', 'ROLLED_BACK', 'COMPLETED'];

/** Whether a change of a rollout is mailed; what is part of a rollback is told with that. */
export function isMailedChange({ change, partOf }: JsonObject): boolean {
  return MAILED_CHANGES.includes(change) && partOf === undefined;
}

interface RolloutWords {
  readonly subject: (what: string) => string;
  readonly line: (what: string) => string;
  readonly next: string;
}

/** What a mail about a change says. */
export function rolloutWords(payload: JsonObject): RolloutWords {
  const { change, by, toVersionCode } = payload;
  const track = payload.track === 'BETA' ? 'beta' : 'stable';
  const share = typeof payload.percent === 'number' ? `${payload.percent} %` : 'a share';
  if (change === 'PAUSED' && by === 'GUARD')
    return {
      subject: (what) => `The rollout of ${what} was paused: more devices crash`,
      line: (what) =>
        `More devices crash with ${what} than with the version before, so the platform paused its rollout on ${track} at ${share} of the devices. No further device gets it. If you resume the rollout, the platform does not pause it again.`,
      next: 'See what was compared, and resume or halt it',
    };
  const next = 'See the rollout';
  switch (change) {
    case 'PAUSED':
      return {
        subject: (what) => `The rollout of ${what} was paused`,
        line: (what) => `A member of the app paused the rollout of ${what} on ${track} at ${share} of the devices.`,
        next,
      };
    case 'RESUMED':
      return {
        subject: (what) => `The rollout of ${what} goes on`,
        line: (what) => `A member of the app resumed the rollout of ${what} on ${track} at ${share} of the devices.`,
        next,
      };
    case 'HALTED':
      return {
        subject: (what) => `The rollout of ${what} was halted`,
        line: (what) => `A member of the app ended the rollout of ${what} on ${track}. Devices that have it keep it.`,
        next,
      };
    case 'ROLLED_BACK':
      return {
        subject: (what) => `${what} was rolled back`,
        line: (what) =>
          `A member of the app takes devices on ${track} back from ${what} to version code ${String(toVersionCode)}.`,
        next,
      };
    default:
      return {
        subject: (what) => `${what} goes to every device`,
        line: (what) => `The rollout of ${what} on ${track} is complete: every device is offered it.`,
        next,
      };
  }
}
