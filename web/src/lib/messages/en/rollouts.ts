// The English texts of rollouts: to which devices a version goes, and what stopped it.

import { plainCount } from '#lib/format/numbers.ts';
import type { RolloutFragment, RolloutPausedBy, RolloutState, Track } from '#lib/graphql/generated/graphql.ts';
import { rolloutChange, share, track } from '#lib/messages/en/rollout-words.ts';
import { count } from '#lib/messages/en/words.ts';
import type { Headline, RolloutAct } from '#lib/rollouts/standing.ts';

type RolloutGuard = NonNullable<RolloutFragment['guard']>;
const points = (value: number) =>
  `${Number(value.toFixed(1))} percentage ${value.toFixed(1) === '1.0' ? 'point' : 'points'}`;

const state: Record<RolloutState, string> = {
  ACTIVE: 'Rolling out',
  PAUSED: 'Paused',
  COMPLETE: 'For everybody',
  HALTED: 'Halted',
  SUPERSEDED: 'Overtaken',
};
const pausedBy: Record<RolloutPausedBy, string> = {
  DEVELOPER: 'Paused by a member of the app',
  GUARD: 'Paused by the platform',
};
const act: Record<RolloutAct, string> = {
  raise: 'Raise',
  schedule: 'Schedule',
  pause: 'Pause',
  resume: 'Resume',
  halt: 'Halt',
  rollBack: 'Roll back',
};

const devices = (value: number) => `${plainCount(value)} ${value === 1 ? 'device' : 'devices'}`;

/** What the platform found when it compared a version with the one before. */
function guard(it: RolloutGuard): string {
  const own = `${devices(it.devices)} of this version`;
  const before = it.previousVersion ?? 'the version before';
  switch (it.verdict) {
    case 'TOO_FEW_DEVICES':
      return it.devices === 0
        ? 'Nothing to say yet: no device that had the app before runs this version.'
        : `${own} looked at so far: too few to say anything.`;
    case 'NOTHING_TO_COMPARE':
      return `${own} looked at; no device of an earlier version to compare with.`;
    case 'NO_WORSE':
      return `${own} looked at, ${share(it.crashFreePercent ?? 100)} without a crash; ${before}: ${share(it.previousCrashFreePercent ?? 100)}. Nothing shows that it is worse.`;
    case 'WORSE':
      return `${share(it.crashFreePercent ?? 0)} of ${own} had no crash; with ${before} it was ${share(it.previousCrashFreePercent ?? 0)} of ${devices(it.previousDevices ?? 0)}. That is worse by at least ${points(it.worseByAtLeast ?? 0)}.`;
  }
}

export const rollouts = {
  rollouts: {
    title: 'Rollout',
    state,
    track,
    pausedBy,
    act,
    guard,
    change: rolloutChange,
    trackHelp: {
      STABLE: 'What every device follows unless its user says otherwise.',
      BETA: 'Devices whose users asked for early versions. They get those of stable too.',
    } satisfies Record<Track, string>,
    share,
    shareLabel: (percent: number, where: Track) => `${share(percent)} of the devices on ${track[where].toLowerCase()}`,
    of: (where: Track) => `of the devices on ${track[where].toLowerCase()}`,
    note: (where: Track, now: RolloutState, percent: number) =>
      `${track[where]} ${share(percent)}${now === 'PAUSED' || now === 'HALTED' ? `, ${state[now].toLowerCase()}` : ''}`,
    since: 'since',
    ended: 'ended',
    next: 'Next',
    step: (percent: number) => `${share(percent)}`,
    stepsWait: 'The steps wait while it is paused.',
    guardTitle: 'Compared with the version before',
    guardAt: 'compared',
    resumeFinal: 'Resume it to go on; the platform does not pause this rollout again.',
    notOffered: 'Nothing is offered: this version is not live.',
    promote: 'Promote to stable',
    toBeta: 'Offer on beta',
    again: (where: Track) => `Start again on ${track[where].toLowerCase()}`,
    notMine: 'Owners of the app change rollouts.',
    beta: (name: string, percent: number) =>
      percent >= 100 ? `${name} is offered to devices on beta.` : `${name} is offered to ${share(percent)} of beta.`,
    headlineText: (it: Headline): string => {
      switch (it.kind) {
        case 'none':
          return 'It is live and offered to no device: its rollout ended.';
        case 'active':
          return `It is live and goes to ${share(it.percent)} of the devices.`;
        case 'paused':
          return `It is live. Its rollout is paused at ${share(it.percent)}: no further device gets it until it goes on.`;
        case 'betaOnly':
          return `It is live for ${share(it.percent)} of the devices on beta; not on stable.`;
        case 'betaPaused':
          return 'It is live for beta alone, and paused there: no further device gets it until it goes on.';
      }
    },
    form: {
      track: 'Track',
      share: 'Share of the devices',
      shareHelp: 'Each device decides for itself, and keeps its place: raising the share only adds devices.',
      shareWrong: 'Give a share above 0 and up to 100.',
      shareFine: 'At most two digits after the point.',
      shareMore: (least: string) => `Give more than ${least}; a share is only ever raised.`,
      schedule: 'Schedule',
      scheduleHelp: 'Each step raises the share by itself. A pause stops the steps too.',
      noSteps: 'No steps: it stays at its share until you raise it.',
      stepAt: (step: number) => `Time of step ${step}`,
      stepPercent: (step: number) => `Share of step ${step}`,
      addStep: 'Add a step',
      removeStep: (step: number) => `Remove step ${step}`,
      ramp: (days: number) => `Ramp over ${count(days, 'day')}`,
      clear: 'Remove all',
      stepTime: (step: number) => `Step ${step}: give a time after the one before, and in the future.`,
      stepShare: (step: number, error: string) => `Step ${step}: ${error}`,
      zone: (zone: string) => `Times are those of ${zone}.`,
    },
    publish: {
      title: 'Publish this version?',
      everybody: 'It becomes the version in the store, and every device on stable gets it at its next update check.',
      some: (percent: number, where: Track) =>
        `${share(percent)} of the devices on ${track[where].toLowerCase()} get it at their next update check. The store goes on to show the version before until everybody gets this one.`,
      beta: 'Every device on beta gets it. The store and devices on stable keep the version before.',
      verb: 'Publish',
    },
    start: {
      title: (name: string, where: Track) => `Offer ${name} on ${track[where].toLowerCase()}?`,
      body: 'Devices that are in the share get it at their next update check.',
      againBody: 'It begins anew with the same devices first. Rollbacks from this version no longer hold.',
      verb: 'Start rollout',
    },
    raise: {
      title: 'Raise the share',
      body: (percent: number) =>
        `Now at ${share(percent)}. It can only go up; at 100 % every device gets it and unfinished rollouts of older versions end.`,
      label: 'Share of the devices',
      verb: 'Raise',
    },
    schedule: {
      title: 'Schedule the rollout',
      body: 'What is here replaces the steps still to come.',
      verb: 'Save schedule',
    },
    pause: {
      title: 'Pause the rollout?',
      body: 'No further device gets this version until it goes on. Devices that have it keep it.',
      reason: 'Why, for the other members',
      verb: 'Pause rollout',
    },
    resume: {
      title: 'Go on with the rollout?',
      body: (percent: number) => `${share(percent)} of the devices get it again, the same ones as before.`,
      steps: 'Steps that came due meanwhile move by the length of the pause; none is jumped.',
      guard: 'The platform paused it. When you go on, it does not pause this rollout again.',
      verb: 'Resume rollout',
    },
    halt: {
      title: 'Halt the rollout?',
      body: 'It ends. No further device gets this version; devices that have it keep it. To take it off devices, roll back.',
      reason: 'Why, for the other members',
      verb: 'Halt rollout',
    },
    rollBack: {
      title: (name: string) => `Take devices back from ${name}?`,
      body: (where: Track) =>
        where === 'STABLE'
          ? 'Devices on stable and beta that have it, or a version between, go back at their next update check. Its rollout ends.'
          : 'Devices on beta that have it, or a version between, go back at their next update check. Its rollout ends.',
      to: 'Go back to',
      noTarget: 'There is no earlier version to go back to. Halt the rollout, and publish a mended version.',
      reason: 'Why, as people read it on their devices',
      restore: 'Put back the data from before the update',
      restoreHelp:
        'A device kept one copy of the app’s data when it updated. What people made since then is lost. Where the copy is not of the version gone back to, data stays.',
      keep: 'Data stays as it is. The older version has to be able to read what the newer one wrote.',
      verb: 'Roll back',
    },
    done: {
      raise: (percent: number) => `Raised to ${share(percent)}.`,
      schedule: 'Schedule saved.',
      pause: 'Paused.',
      resume: 'It goes on.',
      halt: 'Halted.',
      rollBack: (name: string) => `Devices go back to ${name}.`,
      start: 'Started.',
    },
    releases: {
      now: 'Now',
      earlier: 'Earlier',
      earlierHelp: 'What went to everybody stays there for devices that nothing newer runs on.',
      rollbacks: 'Rollbacks in force',
      rollbackLine: (code: number, where: Track) =>
        `Devices on ${track[where].toLowerCase()} with version code ${code} go back to`,
      restored: 'with the data from before the update',
      kept: 'their data stays',
      noneTitle: 'Nothing released yet',
      noneBody: 'Publish an approved version, to everybody or to a share of the devices.',
      nothingNow: 'No version is offered to devices.',
      version: 'Version',
      trackLabel: 'Track',
      stateLabel: 'State',
      shareLabel: 'Share',
      began: 'Began',
      why: 'Why',
    },
  },
};
