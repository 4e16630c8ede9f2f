// The English texts of the settings, reports and jobs in the administration.
import type { JobState, ReportReason, ReportState } from '#lib/graphql/generated/graphql.ts';
import { count } from '#lib/messages/en/words.ts';

const paths: Readonly<Record<string, string>> = {
  serviceLevelHours: 'Hours to a decision',
  leaseMinutes: 'Minutes of a claim',
  sampleShare: 'Samples',
  secondApproval: 'Two approvals for a first sensitive permission',
  reportsToReview: 'Reports that call a reviewer',
  rules: 'Order of the rules',
  enabled: 'Pause rollouts that surely crash more',
  minDevices: 'Devices of each version',
  marginPoints: 'Margin in percentage points',
  confidence: 'Confidence in per cent',
  watchDays: 'Days of watching',
  maxDevicesPerNetwork: 'Devices of one network',
  distrustedNetworks: 'Networks left out',
  supersededDays: 'Days that replaced packages are kept',
  neverPublishedDays: 'Days that packages never published are kept',
  rejectedDays: 'Days that rejected packages are kept',
  rawDays: 'Days that single reports are kept',
  aggregateDays: 'Days that counts are kept',
};
const KEPT_DAYS = ['supersededDays', 'neverPublishedDays', 'rejectedDays', 'rawDays', 'aggregateDays'];

function path(name: string): string {
  const [, code, part] = /^rules\.(.+)\.(title|text)$/.exec(name) ?? [];
  if (code !== undefined) return `Rule ${code}: ${part === 'title' ? 'title' : 'text'}`;
  return paths[name] ?? name;
}

/** A refusal of what has no field of its own, with the place it means. */
function problem(place: string, message: string): string {
  const [, index, part] = /^rules\.(\d+)\.(code|title|text)$/.exec(place) ?? [];
  return index === undefined ? `${path(place)} ${message}.` : `Rule ${Number(index) + 1}: its ${part} ${message}.`;
}

export const policy = {
  policy: {
    path,
    problem,
    value: (name: string, value: string | null) => {
      if (KEPT_DAYS.includes(name)) return value === null ? 'for ever' : count(Number(value), 'day');
      if (value === null) return '(none)';
      if (name === 'sampleShare' || name === 'confidence') return `${Math.round(Number(value) * 1_000_000) / 10_000} %`;
      if (name === 'marginPoints') return count(Number(value), 'percentage point');
      if (name === 'secondApproval' || name === 'enabled') return value === 'true' ? 'yes' : 'no';
      return value;
    },
    help: {
      serviceLevelHours: 'From submission to the due time; 1 to 720.',
      leaseMinutes: 'A claim lapses after so long without its page; 1 to 240.',
      sampleShare: 'Per cent of automatic approvals that a person looks at afterwards.',
      reportsToReview: 'Open reports of so many different accounts; 1 to 100.',
      secondApproval: 'A version that asks for a sensitive permission for the first time needs two reviewers.',
      enabled: 'Every ten minutes each running rollout is compared with the version before.',
      minDevices: 'Both versions need so many before they are compared; 20 to 100,000.',
      marginPoints: 'So many of the crash-free devices a version may lose for sure; 0 to 50.',
      confidence: 'How sure the comparison must be before it pauses; 90 to 99.99.',
      watchDays: 'From the start of a rollout; 1 to 14.',
      maxDevicesPerNetwork: 'More of one network do not count: an IPv4 /24 or an IPv6 /48; 1 to 1,000.',
      distrustedNetworks: 'Crashes of those with the most are not believed, so that so many may be forged; 0 to 100.',
      rawDays: 'Whole days; 90 to 365. They go by the month they came in, so some stay up to 32 days longer.',
      aggregateDays: 'Whole days; 400 to 3,650.',
    },
    settings: {
      label: 'Which setting',
      review: 'Review policy',
      pause: 'Automatic pause',
      retention: 'Package retention',
      telemetry: 'Telemetry retention',
    },
    review: {
      save: 'Save policy',
      confirmTitle: 'Save this policy?',
      confirmBody: 'It is in force at once, for what is submitted from now on.',
    },
    guard: {
      save: 'Save rules',
      confirmTitle: 'Save these rules?',
      confirmBody: 'The next look at running rollouts goes by them, within ten minutes.',
      lead: 'The platform pauses a rollout whose version surely crashes on more devices than the one before. Its members are told why, and decide whether it goes on.',
      off: 'While this is off, nothing pauses a bad release but its developers.',
      comparison: 'When a version is worse',
      forgery: 'Against forged reports',
      forgeryHelp: 'Anybody can send reports. These two bound what a few networks can make of them.',
    },
    retention: {
      save: 'Save rules',
      confirmTitle: 'Save these rules?',
      confirmBody:
        'What they let go is removed in the coming night. A removed package does not come back; its version, findings and numbers stay.',
      lead: 'Packages that no device is led to can be removed after a time. What the newest three versions, running rollouts, rollbacks and the signed metadata need stays in any case.',
      rollbackNote: 'Packages that were removed do not come back.',
      daysHelp: 'Whole days; 7 to 3,650.',
      dryRun: 'This counts on the server what would go, and removes nothing:',
      kinds: {
        supersededDays: {
          title: 'Replaced',
          remove: 'Remove packages that a newer version replaced',
          help: 'Once every device is offered the newer one.',
          days: 'Days after it was replaced',
        },
        neverPublishedDays: {
          title: 'Never published',
          remove: 'Remove packages that were never published',
          help: 'Of versions that were approved or withdrawn.',
          days: 'Days after the last act on it',
        },
        rejectedDays: {
          title: 'Rejected',
          remove: 'Remove packages that were rejected',
          help: 'After that the decision cannot be appealed.',
          days: 'Days after the last act on it',
        },
      },
    },
    telemetry: {
      save: 'Save rules',
      confirmTitle: 'Save these rules?',
      confirmBody:
        'What is older than they say is removed within the hour. Nothing brings it back, neither more days nor putting these rules back.',
      rollbackNote:
        'Where that means fewer days, what is older is removed within the hour. What was removed does not come back.',
      lead: 'What devices report is kept twice: each report as it came, for some months, and what was counted from them, without any device, for longer. Each removal stands in the audit log.',
      raw: 'Single reports',
      rawHelp:
        'Events and crash reports as devices sent them. A device can ask for its own, or have them erased. The numbers and crashes that developers see do not need them.',
      counts: {
        title: 'Counts',
        remove: 'Remove old counts',
        help: 'The numbers and charts of older days, and crashes that were not seen since. Developers cannot see them any more.',
        days: 'Days after what was counted',
      },
      loses: {
        rawDays: (days: number) =>
          `Fewer days than now: within the hour, the single reports of every month that ended more than ${count(days, 'day')} ago are removed.`,
        aggregateDays: (days: number) =>
          `Fewer days than now: within the hour, the counts of every day more than ${count(days, 'day')} ago are removed, with the crashes not seen since.`,
      },
      noWayBack: 'This cannot be undone.',
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
    kept: 'Kept for ever.',
    refused: 'Nothing was saved.',
    discard: 'Discard',
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
