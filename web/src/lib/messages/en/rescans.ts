// The English texts of checking published versions again.
import type { RescanState } from '#lib/graphql/generated/graphql.ts';
import { count } from '#lib/messages/en/words.ts';

export const rescans = {
  rescans: {
    lead: 'Runs the checks of today over every published version. What they find goes to reviewers; nothing is taken down by itself.',
    start: 'Start a rescan',
    startTitle: 'Check every published version again?',
    startBody: 'It runs in the background, after the checks of new submissions.',
    started: 'Started',
    by: 'By',
    byNobodyNamed: 'the operator, or a removed account',
    state: { RUNNING: 'Running', DONE: 'Done', CANCELLED: 'Cancelled', FAILED: 'Failed' } satisfies Record<
      RescanState,
      string
    >,
    stateLabel: 'State',
    progress: 'Checked',
    checked: (done: number, total: number) => `${done} of ${total}`,
    flagged: 'Flagged',
    crashed: 'Could not finish',
    ruleset: 'Rules',
    cancel: 'Cancel rescan',
    cancelTitle: 'Cancel this rescan?',
    cancelBody: 'What was flagged so far stays.',
    none: 'No rescan yet',
    noneBody: 'Start one after the checks have learned something new.',
    flags: 'Flagged versions',
    noFlags: 'Nothing was flagged.',
    noFlagsYet: 'Nothing so far.',
    found: (errors: number, warnings: number) =>
      [errors && count(errors, 'error'), warnings && count(warnings, 'warning')].filter(Boolean).join(', '),
  },
};
