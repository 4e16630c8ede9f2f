/** Owns which events webhooks can carry, which are mailed and to whom by default, and what of a payload leaves the house. Pure. */
import { type EventRecord, type EventType, MEMBER_TYPES } from '../events/types.ts';
import { globalId } from '../global-id.ts';
import type { JsonObject, JsonValue } from '../platform/json.ts';
import { isMailedChange } from './rollout-words.ts';

/** Progress within the checks: hundreds for one version, and the end of the checks says what they came to. */
const PROGRESS: readonly EventType[] = ['CHECK_STARTED', 'FINDING', 'CHECK_FINISHED'];

/** What a webhook can carry: every change, but not the single steps of the checks. */
export const WEBHOOK_EVENT_TYPES: readonly EventType[] = MEMBER_TYPES.filter((type) => !PROGRESS.includes(type));

/** What an account can have mailed, in the order of a version's life. */
export const MAIL_EVENT_TYPES = [
  'SUBMITTED',
  'CHECKS_FAILED',
  'QUEUED',
  'COMMENTED',
  'APPROVED',
  'REJECTED',
  'APPEALED',
  'WITHDRAWN',
  'PUBLISHED',
  'ROLLOUT_CHANGED',
  'UNPUBLISHED',
  'CRASH_REGRESSED',
  'SUSPENDED',
  'REINSTATED',
] as const satisfies readonly EventType[];
export type MailEventType = (typeof MAIL_EVENT_TYPES)[number];

/** What a new account is mailed: what decides about its versions, and what others do to what its users see. */
export const DEFAULT_MAIL_EVENTS: readonly MailEventType[] = [
  'CHECKS_FAILED',
  'COMMENTED',
  'APPROVED',
  'REJECTED',
  'PUBLISHED',
  'ROLLOUT_CHANGED',
  'CRASH_REGRESSED',
  'SUSPENDED',
  'REINSTATED',
];

/** Reviews that members know of; those of other kinds stand beside the version's state and are the reviewers' own. */
export const MEMBERS_REVIEW_KINDS: readonly string[] = ['MANUAL', 'APPEAL'];
/** Steps of a review, told only where members know of the review. Decisions are always told. */
export const REVIEW_STEPS: ReadonlySet<string> = new Set(['QUEUED', 'CLAIMED', 'RELEASED', 'APPROVAL_ADDED']);

const MAX_MESSAGE_CHARS = 2_000;
const MAX_WORDS = 50;
const MAX_WORD_CHARS = 200;
/** What integrators get of a payload, by its kind; whatever else a payload has stays here. */
const NUMBERS = ['round', 'size', 'errors', 'warnings', 'notices', 'percent', 'fromVersionCode', 'toVersionCode'];
const WORDS = ['sha256', 'via', 'side', 'by', 'dueAt', 'track', 'change', 'partOf'];
const LISTS = ['reasons', 'codes', 'policyRefs'];

/** What an account is mailed: its own choice, or what a new account is. Unknown types of an older choice are left out. */
export function mailChoices(stored: unknown): MailEventType[] {
  if (!Array.isArray(stored)) return [...DEFAULT_MAIL_EVENTS];
  return MAIL_EVENT_TYPES.filter((type) => stored.includes(type));
}

/**
 * Whether an event is mailed to somebody with these choices. What the checks reject is two events and one mail: that of
 * CHECKS_FAILED, or that of REJECTED for those who chose only this. Comments are those of reviewers, and of rollouts it is what stops
 * or ends one.
 */
export function isMailed(event: Pick<EventRecord, 'type' | 'payload'>, choices: readonly MailEventType[]): boolean {
  const { type, payload } = event;
  if (!choices.some((choice) => choice === type)) return false;
  if (type === 'ROLLOUT_CHANGED') return isMailedChange(payload);
  if (type === 'REJECTED' && payload.by === 'CHECKS') return !choices.includes('CHECKS_FAILED');
  return type !== 'COMMENTED' || payload.side === 'REVIEWER';
}

/** What was said with an event: feedback, a reason, a note; null where nothing was. Bounded. */
export function messageOf(payload: JsonObject): string | null {
  const said = [payload.feedback, payload.reason, payload.message].find(
    (text) => typeof text === 'string' && text !== '',
  );
  return typeof said === 'string' ? cut(said, MAX_MESSAGE_CHARS) : null;
}

/** The part of a payload that goes out with a webhook; at most about 15,000 characters. */
export function outgoingData(event: Pick<EventRecord, 'type' | 'payload'>): JsonObject {
  const { type, payload } = event;
  const data: JsonObject = {};
  for (const name of NUMBERS) if (typeof payload[name] === 'number') data[name] = payload[name];
  for (const name of WORDS) {
    const word = payload[name];
    if (typeof word === 'string') data[name] = cut(word, MAX_WORD_CHARS);
  }
  for (const name of LISTS) {
    const list = payload[name];
    if (Array.isArray(list)) data[name] = wordsOf(list);
  }
  if (type === 'ROLLOUT_CHANGED' && typeof payload.rolloutId === 'string')
    data.rolloutId = globalId('Rollout', payload.rolloutId);
  if (type === 'CRASH_REGRESSED')
    for (const name of ['fingerprint', 'title'])
      if (typeof payload[name] === 'string') data[name] = cut(payload[name], MAX_WORD_CHARS);
  // A note between reviewers on the way to a decision; the decision has its own words.
  const message = type === 'APPROVAL_ADDED' ? null : messageOf(payload);
  if (message !== null) data.message = message;
  return data;
}

function wordsOf(list: readonly JsonValue[]): string[] {
  return list
    .filter((word) => typeof word === 'string')
    .slice(0, MAX_WORDS)
    .map((word) => cut(word, MAX_WORD_CHARS));
}

/** At most so many characters, never half of one. */
export function cut(text: string, maxChars: number): string {
  const characters = [...text.slice(0, maxChars * 2)];
  return characters.length <= maxChars && text.length <= maxChars * 2
    ? text
    : `${characters.slice(0, maxChars - 1).join('')}…`;
}
