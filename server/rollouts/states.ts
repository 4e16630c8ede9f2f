/** Owns the states of a rollout and every way between them. Pure; only server/rollouts writes a state. */

export const TRACKS = ['STABLE', 'BETA'] as const;
export type Track = (typeof TRACKS)[number];

export const ROLLOUT_STATES = ['ACTIVE', 'PAUSED', 'COMPLETE', 'HALTED', 'SUPERSEDED'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** What is not over: what a version that everybody gets puts an end to, and what the signed metadata must list. */
export const UNFINISHED_STATES = ['ACTIVE', 'PAUSED'] as const satisfies readonly RolloutState[];

export const ROLLOUT_ACTS = ['start', 'raise', 'schedule', 'pause', 'resume', 'halt', 'supersede'] as const;
export type RolloutAct = (typeof ROLLOUT_ACTS)[number];

/** Every device, in hundredths of a percent. */
export const ALL_DEVICES = 10_000;

/** `RUNNING` is ACTIVE, or COMPLETE where every device is offered the version. */
type Target = 'RUNNING' | 'SAME' | RolloutState;

/** The table of docs/ARCHITECTURE.md, Rollouts: for each act, where it may begin and where it ends. */
const WAYS: { readonly [Act in RolloutAct]: Partial<Record<RolloutState, Target>> } = {
  start: { HALTED: 'RUNNING', SUPERSEDED: 'RUNNING' },
  raise: { ACTIVE: 'RUNNING' },
  schedule: { ACTIVE: 'SAME', PAUSED: 'SAME' },
  pause: { ACTIVE: 'PAUSED', COMPLETE: 'PAUSED' },
  resume: { PAUSED: 'RUNNING' },
  halt: { ACTIVE: 'HALTED', PAUSED: 'HALTED', COMPLETE: 'HALTED' },
  supersede: { ACTIVE: 'SUPERSEDED', PAUSED: 'SUPERSEDED' },
};

/** The state of a rollout that runs for this share of devices, in hundredths of a percent. */
export function runningState(basisPoints: number): 'ACTIVE' | 'COMPLETE' {
  return basisPoints >= ALL_DEVICES ? 'COMPLETE' : 'ACTIVE';
}

/** Where the act leads from a state with the share that holds after it, or null where it is not possible. */
export function nextRolloutState(act: RolloutAct, from: RolloutState, basisPoints: number): RolloutState | null {
  const target = WAYS[act][from];
  if (target === undefined) return null;
  if (target === 'SAME') return from;
  return target === 'RUNNING' ? runningState(basisPoints) : target;
}

/** The states an act may begin in. */
export function rolloutStartsOf(act: RolloutAct): RolloutState[] {
  return ROLLOUT_STATES.filter((state) => WAYS[act][state] !== undefined);
}

/** Whether nothing of the rollout is to come. */
export function isFinished(state: RolloutState): boolean {
  return state !== 'ACTIVE' && state !== 'PAUSED';
}

/** Reads a state from the database. Throws for a word that is none, which would be a fault of ours. */
export function parseRolloutState(text: string): RolloutState {
  const state = ROLLOUT_STATES.find((known) => known === text);
  if (state === undefined) throw new Error(`unknown rollout state ${text}`);
  return state;
}

/** Reads a track from the database. Throws for a word that is none, which would be a fault of ours. */
export function parseTrack(text: string): Track {
  const track = TRACKS.find((known) => known === text);
  if (track === undefined) throw new Error(`unknown track ${text}`);
  return track;
}
