// The English texts of the review policy, reports and jobs in the administration.
import type { JobState, ReportReason, ReportState } from '#lib/graphql/generated/graphql.ts';
import { count } from '#lib/messages/en/words.ts';

const paths: Readonly<Record<string, string>> = {
  serviceLevelHours: 'Hours to a decision',
  leaseMinutes: 'Minutes of a claim',
  sampleShare: 'Samples',
  secondApproval: 'Two approvals for a first sensitive permission',
  reportsToReview: 'Reports that call a reviewer',
  rules: 'Order of the rules',
};

function path(name: string): string {
  const [, code, part] = /^rules\.(.+)\.(title|text)$/.exec(name) ?? [];
  if (code !== undefined) return `Rule ${code}: ${part === 'title' ? 'title' : 'text'}`;
  return paths[name] ?? name;
}

export const policy = {
  policy: {
    path,
    value: (name: string, value: string | null) => {
      if (value === null) return '(none)';
      if (name === 'sampleShare') return `${Math.round(Number(value) * 10_000) / 100} %`;
      if (name === 'secondApproval') return value === 'true' ? 'yes' : 'no';
      return value;
    },
    help: {
      serviceLevelHours: 'From submission to the due time; 1 to 720.',
      leaseMinutes: 'A claim lapses after so long without its page; 1 to 240.',
      sampleShare: 'Per cent of automatic approvals that a person looks at afterwards.',
      reportsToReview: 'Open reports of so many different accounts; 1 to 100.',
      secondApproval: 'A version that asks for a sensitive permission for the first time needs two reviewers.',
    },
    rules: 'Rules to refer to',
    rulesHelp: 'Reviewers pick from these when they decide; the developer reads title and text.',
    rule: (code: string) => (code === '' ? 'New rule' : `Rule ${code}`),
    code: 'Code',
    ruleTitle: 'Title',
    ruleText: 'Text',
    addRule: 'Add a rule',
    noRules: 'No rules yet. Without them a reviewer refers to nothing but their own words.',
    up: (code: string) => `Move ${code || 'the rule'} up`,
    down: (code: string) => `Move ${code || 'the rule'} down`,
    remove: (code: string) => `Remove ${code || 'the rule'}`,
    pending: (changes: number) => (changes === 0 ? 'Nothing changed' : count(changes, 'change')),
    discard: 'Discard',
    save: 'Save policy',
    confirmTitle: 'Save this policy?',
    confirmBody: 'It is in force at once, for what is submitted from now on.',
    confirm: 'Save',
    before: 'Before:',
    after: 'After:',
    history: 'History',
    what: 'What',
    summary: (list: readonly { path: string }[]) =>
      list.length === 0 ? 'Nothing differs' : list.map((each) => path(each.path)).join('; '),
    noHistory: 'Never changed',
    noHistoryBody: 'The defaults are in force. Each save stands here, with a way back.',
    change: 'Change of settings',
    changed: (who: string, when: string) => `By ${who}, ${when}`,
    rollback: 'Put back what was before',
    rollbackTitle: 'Put back what was before this change?',
    rollbackBody:
      'The whole setting becomes what it was before this change. That is a change itself, and stands here too.',
    rolledBack: 'Put back.',
  },
  reports: {
    state: { OPEN: 'Open', UPHELD: 'Upheld', DISMISSED: 'Dismissed' } satisfies Record<ReportState, string>,
    all: 'All reports',
    stateLabel: 'State',
    app: 'App',
    reason: 'Reason',
    when: 'When',
    version: 'Version',
    reasons: {
      MALWARE: 'It does harm',
      PRIVACY: 'It takes personal data',
      SCAM: 'It deceives people',
      COPYRIGHT: 'It copies somebody’s work',
      OFFENSIVE: 'Offensive content',
      BROKEN: 'It does not work',
      OTHER: 'Something else',
    } satisfies Record<ReportReason, string>,
    none: 'No reports',
    noneBody: 'What people report in the store stands here.',
    noText: 'Nothing was written.',
    act: {
      uphold: {
        verb: 'Uphold',
        title: 'Uphold this report?',
        body: 'The next version of the app is looked at by a person. What is live stays until you suspend it.',
        label: 'Note for the record',
        done: 'The report was upheld.',
      },
      dismiss: {
        verb: 'Dismiss',
        title: 'Dismiss this report?',
        body: 'It no longer counts against the app.',
        label: 'Note for the record',
        done: 'The report was dismissed.',
      },
      suspend: {
        verb: 'Suspend the app',
        title: 'Suspend the app?',
        body: 'It leaves the store and cannot be downloaded, and nothing of it can be published. Its developer reads your reason.',
        label: 'Reason for the developer',
        done: 'The app was suspended.',
      },
      reinstate: {
        verb: 'Reinstate the app',
        title: 'Reinstate the app?',
        body: 'It is shown in the store again, with what is published of it. Its developer reads your reason.',
        label: 'Reason for the developer',
        done: 'The app was reinstated.',
      },
    },
    decided: 'Decided',
    openVersion: 'Open the version',
    openApp: 'See it in the store',
  },
  jobs: {
    retry: 'Try again now',
    retried: 'The job waits for a worker again.',
    state: { READY: 'waiting', RUNNING: 'running', DONE: 'done', DEAD: 'dead' } satisfies Record<JobState, string>,
    key: 'Key',
    runAt: 'Not before',
    noneDead: 'No dead jobs',
    noneDeadBody: 'Jobs that failed at every try stand here, with a way to try again.',
  },
};
