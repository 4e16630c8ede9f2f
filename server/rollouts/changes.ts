/** Owns what the developer does to one rollout: raising, scheduling, pausing, resuming and halting it. */
import type { Viewer } from '../accounts/viewer.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { invalidField } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit } from '../unit-of-work.ts';
import type { RolloutChange } from './changes-list.ts';
import { overruled } from './guard-json.ts';
import { type GivenStep, parsePercent, parseReason, parseSteps, requireMore } from './inputs.ts';
import {
  loadRollout,
  moveRollout,
  noteRollout,
  type RolloutExtras,
  type RolloutWithVersion,
  type RolloutWork,
  requireOffered,
  rolloutConflict,
  supersedeLower,
  tellRollout,
} from './records.ts';
import { readSteps, stepsAbove, stepsAfterPause, writeSteps } from './schedule.ts';
import { ALL_DEVICES, nextRolloutState, parseRolloutState, type RolloutAct } from './states.ts';

/** Which rollout, by whom. */
export interface RolloutAsk {
  readonly rolloutId: string;
  readonly idempotencyKey?: string | null | undefined;
}

interface Change {
  readonly act: RolloutAct;
  readonly extras: RolloutExtras;
  readonly reason?: string;
  readonly more?: JsonObject;
}

export function createChanges({ work, clock, refreshApp, storeChanged }: RolloutWork) {
  /** One act on one rollout: what `decide` makes of it as it is now is written, told and noted. */
  async function change(
    viewer: Viewer,
    origin: ActOrigin,
    { ask, operation, said }: { readonly ask: RolloutAsk; readonly operation: string; readonly said: unknown },
    decide: (rollout: RolloutWithVersion) => Change,
  ): Promise<string> {
    const { rolloutId, idempotencyKey: key } = ask;
    await work((unit) =>
      once(unit, clock, { viewer, key, operation, input: [rolloutId, said] }, async () => {
        const rollout = await loadRollout(unit.tx, viewer, rolloutId);
        await carryOut(unit, rollout, decide(rollout), { viewer, origin });
        return rolloutId;
      }),
    );
    storeChanged();
    return rolloutId;
  }

  async function carryOut(
    unit: Unit,
    rollout: RolloutWithVersion,
    { act, extras, reason, more }: Change,
    who: { readonly viewer: Viewer; readonly origin: ActOrigin },
  ): Promise<void> {
    const by = { kind: 'DEVELOPER', ...who } as const;
    const state = await moveRollout(unit.tx, clock, rollout, act, extras);
    const basisPoints = extras.basisPoints ?? rollout.basisPoints;
    const told = {
      change: changeOf(act, state === 'COMPLETE'),
      basisPoints,
      by,
      ...(reason === undefined ? {} : { reason }),
      ...(more === undefined ? {} : { more }),
    };
    tellRollout(unit, rollout, told);
    noteRollout(unit, rollout, told);
    if (state === 'COMPLETE' && act !== 'schedule')
      await supersedeLower(unit, clock, { ...rollout, versionCode: rollout.version.versionCode }, by);
    await refreshApp(unit.tx, rollout.appId);
  }

  return {
    /** Offers the version to more devices; at 100 % the rollout is complete. Throws VALIDATION, STATE_CONFLICT, CONFLICT, APP_SUSPENDED. */
    raise(viewer: Viewer, ask: RolloutAsk & { readonly percent: number }, origin: ActOrigin): Promise<string> {
      const basisPoints = parsePercent(ask.percent, 'input.percent');
      return change(viewer, origin, { ask, operation: 'raiseRollout', said: basisPoints }, (rollout) => {
        requireOffered(rollout);
        if (rollout.state === 'ACTIVE') requireMore(basisPoints, rollout.basisPoints);
        const left = stepsAbove(readSteps(rollout.schedule), basisPoints);
        return { act: 'raise', extras: { basisPoints, schedule: writeSteps(left) } };
      });
    },

    /** Replaces the steps still to come; none ends the ramp where it is. Throws VALIDATION, STATE_CONFLICT, CONFLICT. */
    schedule(
      viewer: Viewer,
      ask: RolloutAsk & { readonly steps: readonly GivenStep[] },
      origin: ActOrigin,
    ): Promise<string> {
      const said = ask.steps.map(({ at, percent }) => [at.toISOString(), percent]);
      return change(viewer, origin, { ask, operation: 'scheduleRollout', said }, (rollout) => {
        // The state first: no step could lie above the share of a rollout that is complete.
        if (nextRolloutState('schedule', parseRolloutState(rollout.state), rollout.basisPoints) === null)
          throw rolloutConflict('schedule', rollout.state);
        if (rollout.state === 'PAUSED' && rollout.basisPoints === ALL_DEVICES && ask.steps.length > 0)
          throw invalidField(
            'input.steps',
            'Every device is offered the version already; there is nothing to schedule.',
          );
        const steps = parseSteps(ask.steps, { above: rollout.basisPoints, nowMs: clock.ms(), path: 'input.steps' });
        return { act: 'schedule', extras: { schedule: writeSteps(steps) }, more: { steps: writeSteps(steps) } };
      });
    },

    /** Offers the version to no further device until it is resumed. Throws VALIDATION, STATE_CONFLICT, CONFLICT. */
    pause(viewer: Viewer, ask: RolloutAsk & { readonly reason: string }, origin: ActOrigin): Promise<string> {
      const reason = parseReason(ask.reason);
      return change(viewer, origin, { ask, operation: 'pauseRollout', said: reason }, () => ({
        act: 'pause',
        extras: { pausedBy: 'DEVELOPER', reason },
        reason,
      }));
    },

    /**
     * Goes on with a paused rollout. After a pause by the guard this is the last word: the guard pauses this rollout no more. Steps that
     * came due meanwhile are moved (see `stepsAfterPause`). Throws STATE_CONFLICT, CONFLICT, APP_SUSPENDED.
     */
    resume(viewer: Viewer, ask: RolloutAsk, origin: ActOrigin): Promise<string> {
      return change(viewer, origin, { ask, operation: 'resumeRollout', said: null }, (rollout) => {
        requireOffered(rollout);
        const nowMs = clock.ms();
        const before = readSteps(rollout.schedule);
        const steps = stepsAfterPause(before, { sinceMs: rollout.updatedAt.getTime(), nowMs });
        const movedMs = (steps[0]?.at.getTime() ?? 0) - (before[0]?.at.getTime() ?? 0);
        return {
          act: 'resume',
          extras: {
            reason: null,
            schedule: writeSteps(steps),
            ...(rollout.pausedBy === 'GUARD' ? { guard: overruled(rollout.guard, clock.now()) } : {}),
          },
          ...(movedMs > 0 ? { more: { stepsMovedByMs: movedMs } } : {}),
        };
      });
    },

    /** Ends the rollout: no further device gets the version; those that have it keep it. Throws VALIDATION, STATE_CONFLICT, CONFLICT. */
    halt(viewer: Viewer, ask: RolloutAsk & { readonly reason: string }, origin: ActOrigin): Promise<string> {
      const reason = parseReason(ask.reason);
      return change(viewer, origin, { ask, operation: 'haltRollout', said: reason }, () => ({
        act: 'halt',
        extras: { reason, schedule: [] },
        reason,
      }));
    },
  };
}

const CHANGES: { readonly [Act in RolloutAct]: RolloutChange } = {
  start: 'STARTED',
  raise: 'RAISED',
  schedule: 'SCHEDULED',
  pause: 'PAUSED',
  resume: 'RESUMED',
  halt: 'HALTED',
  supersede: 'SUPERSEDED',
};

/** What an act is told as: the raise that reaches every device completes. */
export function changeOf(act: RolloutAct, complete: boolean): RolloutChange {
  return act === 'raise' && complete ? 'COMPLETED' : CHANGES[act];
}
