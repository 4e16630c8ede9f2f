/** Owns `mosis rollout raise`, `schedule`, `pause`, `resume` and `halt`: what is done to one rollout. */
import { randomUUID } from 'node:crypto';
import { type Client, payloadOf } from '../client.ts';
import { defineCommand, type Outcome } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, usageError } from '../errors.ts';
import {
  HaltRolloutDocument,
  PauseRolloutDocument,
  RaiseRolloutDocument,
  ResumeRolloutDocument,
  type RolloutFieldsFragment,
  ScheduleRolloutDocument,
} from '../generated/operations.ts';
import { percentOf, SCHEDULE_HELP, stepsOf, TRACK_CHOICES, trackOf } from '../rollout-input.ts';
import { appRollouts, type ListedRollout, oneRollout, rolloutLines } from '../rollout-view.ts';
import { dim, t, yellow } from '../text.ts';

const ARGUMENTS = [
  { name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' },
] as const;
const WHICH = {
  track: { type: 'string', value: 'TRACK', help: 'On which track; default stable', choices: TRACK_CHOICES },
  code: { type: 'string', value: 'N', help: 'Of which version code (default: the only one that fits)' },
} as const;
const REASON = { type: 'string', value: 'TEXT', help: 'Why, for the other members' } as const;
const EXITS = [
  '0  done',
  '2  not allowed so, such as a smaller share',
  '3  no such app or rollout',
  '4  only owners may',
  '6  it is in another state, or somebody was faster',
] as const;

interface Chosen {
  readonly given: string | undefined;
  readonly options: { readonly track: string | undefined; readonly code: string | undefined };
  readonly states: readonly RolloutFieldsFragment['state'][];
  readonly help: string;
}

/** Finds the rollout, does the act and shows what came of it. */
async function changed(
  context: Context,
  { given, options, states, help }: Chosen,
  act: (client: Client, rollout: ListedRollout) => Promise<RolloutFieldsFragment>,
): Promise<Outcome> {
  const client = await context.client();
  const app = await appRollouts(context, client, given);
  const rollout = oneRollout(app, { track: trackOf(options.track), code: options.code, states, help });
  const now = await act(client, rollout);
  return { json: now, lines: rolloutLines(now, rollout.version) };
}

const inputOf = (rollout: ListedRollout) => ({ rolloutId: rollout.id, idempotencyKey: randomUUID() });

export const rolloutRaise = defineCommand({
  summary: 'Offer the version to more devices',
  description:
    'At 100 % the rollout is complete, and rollouts of lower version codes on the track that are not over end.',
  arguments: ARGUMENTS,
  options: { percent: { type: 'string', value: 'PERCENT', help: 'More than now, up to 100' }, ...WHICH },
  exits: EXITS,
  examples: ['mosis rollout raise --percent 25', 'mosis rollout raise com.example.notes --code 14 --percent 100'],
  async run(context, { args, options }) {
    const help = 'mosis rollout raise --help';
    if (options.percent === undefined) throw usageError('Say how far: --percent 25.', help);
    const percent = percentOf(options.percent, help);
    return changed(context, { given: args[0], options, states: ['ACTIVE'], help }, async (client, rollout) => {
      const { raiseRollout } = await client.request(RaiseRolloutDocument, { input: { ...inputOf(rollout), percent } });
      return payloadOf(raiseRollout, 'RaiseRolloutPayload', client).rollout;
    });
  },
});

export const rolloutSchedule = defineCommand({
  summary: 'Replace the steps that raise it by themselves',
  description:
    'Steps wait while a rollout is paused; where one came due meanwhile, all move by the length of the pause. --none takes the steps away.',
  arguments: ARGUMENTS,
  options: {
    steps: { type: 'string', value: 'STEPS', help: SCHEDULE_HELP },
    none: { type: 'boolean', help: 'No steps: the share stays where it is' },
    ...WHICH,
  },
  exits: EXITS,
  examples: ['mosis rollout schedule --steps 20@24h,50@3d,100@7d', 'mosis rollout schedule --none'],
  async run(context, { args, options }) {
    const help = 'mosis rollout schedule --help';
    if (options.none === (options.steps !== undefined)) throw usageError('Give --steps STEPS, or --none.', help);
    const steps = options.steps === undefined ? [] : stepsOf(options.steps, Date.now(), help);
    const states = ['ACTIVE', 'PAUSED'] as const;
    return changed(context, { given: args[0], options, states, help }, async (client, rollout) => {
      const { scheduleRollout } = await client.request(ScheduleRolloutDocument, {
        input: { ...inputOf(rollout), steps },
      });
      return payloadOf(scheduleRollout, 'ScheduleRolloutPayload', client).rollout;
    });
  },
});

export const rolloutPause = defineCommand({
  summary: 'Offer the version to no further device for now',
  arguments: ARGUMENTS,
  options: { reason: REASON, ...WHICH },
  exits: EXITS,
  examples: ['mosis rollout pause --reason "Sign-in fails for some"'],
  async run(context, { args, options }) {
    const help = 'mosis rollout pause --help';
    const reason = await reasonOf(context, options.reason);
    const outcome = await changed(
      context,
      { given: args[0], options, states: ['ACTIVE'], help },
      async (client, it) => {
        const { pauseRollout } = await client.request(PauseRolloutDocument, { input: { ...inputOf(it), reason } });
        return payloadOf(pauseRollout, 'PauseRolloutPayload', client).rollout;
      },
    );
    return { ...outcome, notes: [dim('next: mosis rollout resume, or mosis rollout halt')] };
  },
});

export const rolloutResume = defineCommand({
  summary: 'Go on with a paused rollout',
  description: 'What the platform paused because of crashes and you resume, it does not pause again.',
  arguments: ARGUMENTS,
  options: WHICH,
  exits: EXITS,
  async run(context, { args, options }) {
    const help = 'mosis rollout resume --help';
    return changed(context, { given: args[0], options, states: ['PAUSED'], help }, async (client, rollout) => {
      const { resumeRollout } = await client.request(ResumeRolloutDocument, { input: inputOf(rollout) });
      return payloadOf(resumeRollout, 'ResumeRolloutPayload', client).rollout;
    });
  },
});

export const rolloutHalt = defineCommand({
  summary: 'End a rollout: no further device gets the version',
  description:
    'Devices that have the version keep it; to take them back to an earlier one: mosis rollout back. A halted rollout can be started anew.',
  arguments: ARGUMENTS,
  options: { reason: REASON, yes: { type: 'boolean', short: 'y', help: 'Do not ask' }, ...WHICH },
  exits: EXITS,
  examples: ['mosis rollout halt --reason "Replaced by 1.2.1" --yes'],
  async run(context, { args, options }) {
    const help = 'mosis rollout halt --help';
    const reason = await reasonOf(context, options.reason);
    const states = ['ACTIVE', 'PAUSED'] as const;
    const outcome = await changed(context, { given: args[0], options, states, help }, async (client, it) => {
      const { versionName, versionCode } = it.version;
      context.output.note(t`${yellow('ends:')} the rollout of ${versionName} (${versionCode}) at ${it.percent} %`);
      if (!options.yes && !(await context.prompt.confirm(t`Halt it`, '--yes')))
        throw new CliError('CANCELLED', 'Cancelled; nothing was changed.', { exit: EXIT.failed });
      const { haltRollout } = await client.request(HaltRolloutDocument, { input: { ...inputOf(it), reason } });
      return payloadOf(haltRollout, 'HaltRolloutPayload', client).rollout;
    });
    return { ...outcome, notes: [dim('next: mosis rollout back --to CODE, where devices should leave it')] };
  },
});

/** The reason given, or asked for. */
export function reasonOf(context: Context, given: string | undefined): Promise<string> {
  if (given !== undefined && given.trim() !== '') return Promise.resolve(given);
  return context.prompt.ask(t`Why`, {
    flag: '--reason TEXT',
    check: (answer) => (answer === '' ? 'a reason is needed' : null),
  });
}
