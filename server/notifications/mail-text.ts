/** Owns the words of mails; pure. Whatever people wrote is shown as text, and is bounded. */
import type { EventRecord } from '../events/types.ts';
import { globalId } from '../global-id.ts';
import type { Mail } from '../platform/mail/mail.ts';
import { cut, type MailEventType, messageOf } from './event-kinds.ts';
import { rolloutWords } from './rollout-words.ts';

/** The portal's page of mail choices and webhooks. */
const SETTINGS_PATH = '/settings/notifications';
const MAX_NAME_CHARS = 60;
const MAX_QUOTE_CHARS = 1_500;

/** What a mail is about, as rows are when it is sent. */
export interface MailSubject {
  readonly app: { readonly name: string; readonly packageId: string };
  readonly version: { readonly versionCode: number; readonly versionName: string } | null;
  /** Comments of reviewers since the first that nobody was told of, oldest first; empty for other events. */
  readonly comments: readonly string[];
}

type Text = Pick<Mail, 'subject' | 'text' | 'html' | 'unsubscribeUrl'>;

interface Words {
  readonly subject: (what: string) => string;
  readonly line: (what: string) => string;
  /** What to do now. */
  readonly next: string;
}

const WORDS: Readonly<Record<Exclude<MailEventType, 'ROLLOUT_CHANGED'>, Words>> = {
  SUBMITTED: {
    subject: (what) => `${what} was submitted`,
    line: (what) => `A member of the app submitted ${what}. The checks run now.`,
    next: 'See the checks',
  },
  CHECKS_FAILED: {
    subject: (what) => `${what} did not pass the checks`,
    line: (what) => `The checks found errors in ${what}, and it was rejected. Mend them and upload a new version.`,
    next: 'See what the checks found',
  },
  QUEUED: {
    subject: (what) => `${what} waits for a reviewer`,
    line: (what) => `${what} passed the checks. A reviewer will look at it.`,
    next: 'See its place in the queue',
  },
  COMMENTED: {
    subject: (what) => `A reviewer wrote about ${what}`,
    line: (what) => `A reviewer wrote about ${what}:`,
    next: 'Read and answer',
  },
  APPROVED: {
    subject: (what) => `${what} was approved`,
    line: (what) => `${what} was approved. You can publish it.`,
    next: 'Publish it',
  },
  REJECTED: {
    subject: (what) => `${what} was rejected`,
    line: (what) => `${what} was rejected.`,
    next: 'See why, and what you can do',
  },
  APPEALED: {
    subject: (what) => `The rejection of ${what} was appealed`,
    line: (what) => `A member of the app asked for another look at ${what}.`,
    next: 'See the version',
  },
  WITHDRAWN: {
    subject: (what) => `${what} was withdrawn`,
    line: (what) => `A member of the app took ${what} back. It will not be reviewed.`,
    next: 'See the version',
  },
  PUBLISHED: {
    subject: (what) => `${what} was published`,
    line: (what) => `A member of the app published ${what}. It is in the store.`,
    next: 'See the version',
  },
  UNPUBLISHED: {
    subject: (what) => `${what} was taken out of the store`,
    line: (what) => `A member of the app took ${what} out of the store.`,
    next: 'See the version',
  },
  CRASH_REGRESSED: {
    subject: (what) => `A crash came back in ${what}`,
    line: (what) => `A crash that was marked as resolved happened again in ${what}, which should have had the fix:`,
    next: 'See the crash',
  },
  SUSPENDED: {
    subject: (what) => `${what} was suspended`,
    line: (what) => `The platform took ${what} out of the store.`,
    next: 'See why, and what you can do',
  },
  REINSTATED: {
    subject: (what) => `${what} is back in the store`,
    line: (what) => `The platform put ${what} back into the store.`,
    next: 'See the version',
  },
};

/** The mail about an event. Throws for a type that is never mailed. */
export function eventMail(event: EventRecord, about: MailSubject, publicUrl: string): Text {
  const words =
    event.type === 'ROLLOUT_CHANGED'
      ? rolloutWords(event.payload)
      : (WORDS as Readonly<Record<string, Words>>)[event.type];
  if (words === undefined) throw new Error(`Events of type ${event.type} are not mailed`);
  const { app, version, comments } = about;
  const name = cut(app.name, MAX_NAME_CHARS);
  const what = version === null ? name : `${name} ${version.versionName} (${version.versionCode})`;
  const message = event.type === 'CRASH_REGRESSED' ? titleOf(event) : messageOf(event.payload);
  const said = comments.length > 0 ? comments : message === null ? [] : [message];
  return compose({
    subject: words.subject(what),
    paragraphs: [words.line(what), ...countsOf(event)],
    quotes: said.map((text) => cut(text, MAX_QUOTE_CHARS)),
    link: { label: words.next, url: `${publicUrl}${pathOf(event, about)}` },
    publicUrl,
  });
}

/** The page of the portal where somebody does what comes next. */
function pathOf({ type, payload }: EventRecord, { app, version }: MailSubject): string {
  const page = `/apps/${app.packageId}`;
  if (type === 'CRASH_REGRESSED' && typeof payload.fingerprint === 'string')
    return `${page}?tab=analytics&crash=${encodeURIComponent(payload.fingerprint)}`;
  return version === null ? page : `${page}/versions/${version.versionCode}`;
}

function titleOf({ payload }: EventRecord): string | null {
  return typeof payload.title === 'string' && payload.title !== '' ? payload.title : null;
}

/** The mail to the owner of a webhook that was disabled. */
export function disabledMail(
  webhook: { readonly id: string; readonly url: string; readonly stateReason: string | null },
  publicUrl: string,
): Text {
  const { host } = new URL(webhook.url);
  return compose({
    subject: `Your webhook at ${cut(host, MAX_NAME_CHARS)} was disabled`,
    paragraphs: [
      `Nothing is sent any more to ${cut(webhook.url, 300)}.`,
      webhook.stateReason ?? '',
      'Mend the receiver, then resume the webhook. What happened meanwhile is not sent later.',
    ],
    quotes: [],
    link: {
      label: 'See its deliveries',
      url: `${publicUrl}${SETTINGS_PATH}/${encodeURIComponent(globalId('Webhook', webhook.id))}`,
    },
    publicUrl,
  });
}

function countsOf({ type, payload }: EventRecord): string[] {
  if (type !== 'CHECKS_FAILED') return [];
  const counts = [
    typeof payload.errors === 'number' ? plural(payload.errors, 'error') : '',
    typeof payload.warnings === 'number' ? plural(payload.warnings, 'warning') : '',
  ];
  const told = counts.filter((text) => text !== '').join(', ');
  return told === '' ? [] : [`Found: ${told}.`];
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

interface Parts {
  readonly subject: string;
  readonly paragraphs: readonly string[];
  readonly quotes: readonly string[];
  readonly link: { readonly label: string; readonly url: string };
  readonly publicUrl: string;
}

function compose({ subject, paragraphs, quotes, link, publicUrl }: Parts): Text {
  const unsubscribeUrl = `${publicUrl}${SETTINGS_PATH}`;
  const lines = paragraphs.filter((line) => line !== '');
  const quotedText = quotes.map((quote) => quote.replaceAll(/^/gm, '> '));
  const footer = 'You choose in your settings which mails you get';
  const text = [...lines, ...quotedText, `${link.label}: ${link.url}`, `-- \n${footer}: ${unsubscribeUrl}`].join(
    '\n\n',
  );
  const html = [
    ...lines.map((line) => `<p>${escapeHtml(line)}</p>`),
    ...quotes.map((quote) => `<blockquote style="white-space:pre-wrap">${escapeHtml(quote)}</blockquote>`),
    `<p><a href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></p>`,
    `<hr><p><small>${footer}: <a href="${escapeHtml(unsubscribeUrl)}">${escapeHtml(unsubscribeUrl)}</a></small></p>`,
  ].join('\n');
  return {
    subject,
    text: `${text}\n`,
    html: `<!doctype html>\n<html><body>\n${html}\n</body></html>\n`,
    unsubscribeUrl,
  };
}

/** The text as HTML shows it; nothing in it is markup. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
