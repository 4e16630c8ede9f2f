/** Owns the states of a version and every way between them. Pure; only versions/service writes a state. */

export const VERSION_STATES = [
  'DRAFT',
  'SUBMITTED',
  'IN_REVIEW',
  'APPROVED',
  'PUBLISHED',
  'UNPUBLISHED',
  'SUSPENDED',
  'REJECTED',
  'WITHDRAWN',
] as const;
export type VersionState = (typeof VERSION_STATES)[number];

/** States of a version whose approval stands: what later versions are compared with. */
export const APPROVED_STATES = ['APPROVED', 'PUBLISHED', 'UNPUBLISHED'] as const satisfies readonly VersionState[];

export const VERSION_ACTS = [
  'submit',
  'failChecks',
  'requireReview',
  'passChecks',
  'approve',
  'reject',
  'rejectSample',
  'suspendSample',
  'publish',
  'unpublish',
  'suspend',
  'reinstate',
  'appeal',
  'withdraw',
  'compromise',
] as const;
export type VersionAct = (typeof VERSION_ACTS)[number];

/** The diagram of docs/ARCHITECTURE.md, Version states: for each act, where it may start and where it ends. */
const WAYS: { readonly [Act in VersionAct]: Partial<Record<VersionState, VersionState>> } = {
  submit: { DRAFT: 'SUBMITTED' },
  failChecks: { SUBMITTED: 'REJECTED' },
  requireReview: { SUBMITTED: 'IN_REVIEW' },
  passChecks: { SUBMITTED: 'APPROVED' },
  approve: { IN_REVIEW: 'APPROVED' },
  reject: { IN_REVIEW: 'REJECTED' },
  rejectSample: { APPROVED: 'REJECTED' },
  // Also what its owner has taken out meanwhile: it could be published again at any time.
  suspendSample: { PUBLISHED: 'SUSPENDED', UNPUBLISHED: 'SUSPENDED' },
  publish: { APPROVED: 'PUBLISHED', UNPUBLISHED: 'PUBLISHED' },
  unpublish: { PUBLISHED: 'UNPUBLISHED' },
  suspend: { PUBLISHED: 'SUSPENDED' },
  reinstate: { SUSPENDED: 'PUBLISHED' },
  appeal: { REJECTED: 'IN_REVIEW' },
  withdraw: { DRAFT: 'WITHDRAWN', SUBMITTED: 'WITHDRAWN', IN_REVIEW: 'WITHDRAWN', APPROVED: 'WITHDRAWN' },
  compromise: {
    SUBMITTED: 'REJECTED',
    IN_REVIEW: 'REJECTED',
    APPROVED: 'REJECTED',
    PUBLISHED: 'SUSPENDED',
    UNPUBLISHED: 'SUSPENDED',
  },
};

/** Where the act leads from a state, or null where it is not possible. */
export function nextState(act: VersionAct, from: VersionState): VersionState | null {
  return WAYS[act][from] ?? null;
}

/** The states an act may start from. */
export function startsOf(act: VersionAct): VersionState[] {
  return VERSION_STATES.filter((state) => nextState(act, state) !== null);
}

/** Reads a state from the database. Throws for a word that is none, which would be a fault of ours. */
export function parseState(text: string): VersionState {
  const state = VERSION_STATES.find((known) => known === text);
  if (state === undefined) throw new Error(`unknown version state ${text}`);
  return state;
}
