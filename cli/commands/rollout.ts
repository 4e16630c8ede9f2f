/** Owns the list of `mosis rollout` commands. */
import { defineGroup } from '../command.ts';
import { rolloutBack } from './rollout-back.ts';
import { rolloutHalt, rolloutPause, rolloutRaise, rolloutResume, rolloutSchedule } from './rollout-change.ts';
import { rolloutList } from './rollout-list.ts';
import { rolloutStart } from './rollout-start.ts';

export const rollout = defineGroup({
  summary: 'Decide which devices get a version',
  description:
    'A version goes to a share of the devices on a track, stable or beta, and the share is raised until everybody has it. Which devices come first is decided on each device, and stays. Publish with a share: mosis publish --percent 5.',
  examples: [
    'mosis rollout list',
    'mosis rollout raise --percent 25',
    'mosis rollout back --to 12 --reason "Notes are lost"',
  ],
  commands: {
    list: rolloutList,
    start: rolloutStart,
    raise: rolloutRaise,
    schedule: rolloutSchedule,
    pause: rolloutPause,
    resume: rolloutResume,
    halt: rolloutHalt,
    back: rolloutBack,
  },
});
