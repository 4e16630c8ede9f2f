// Owns the contract of sending mail, and what a mail is; it must not know what mails say.

/** One mail to one person. */
export type Mail = {
  /** Names the mail for ever: sent twice, it has the same Message-ID, by which mail programs know the second as the first. */
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Where its reader ends such mails. */
  readonly unsubscribeUrl: string;
};

export type Mailer = {
  /**
   * Hands the mail over; resolves when the next one on its way has taken it. Throws MailRefused when it never will, and any
   * other error when a later try may do better. `signal` ends the try.
   */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
};

/** The mail was refused for good (an SMTP answer of 5xx to its recipient or content): no later try can succeed. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

const MAX_SUBJECT_CHARS = 150;
const MAX_NAME_CHARS = 80;

/** A text for one header line: no control or direction characters, bounded. */
function headerText(text: string, maxChars: number): string {
  const plain = text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const characters = [...plain];
  return characters.length <= maxChars ? plain : `${characters.slice(0, maxChars - 1).join('')}…`;
}

/** The message in the form that both adapters give to the library that writes it. `from` is an address, or `Name <address>`. */
export function messageOf(mail: Mail, from: string) {
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
  return {
    from,
    to: { name: headerText(mail.to.name, MAX_NAME_CHARS), address: mail.to.address },
    subject: headerText(mail.subject, MAX_SUBJECT_CHARS),
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id.replaceAll(/[^A-Za-z0-9._-]/g, '-')}@${domain}>`,
    headers: {
      // Nobody's holiday answer is wanted (RFC 3834).
      'Auto-Submitted': 'auto-generated',
      'List-Unsubscribe': `<${encodeURI(mail.unsubscribeUrl)}>`,
    },
    // What a text names is never read from the disk or the network.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
