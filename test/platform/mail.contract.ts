/** Owns what every mailer does, whatever carries its mails. */
import { describe, expect, it } from 'vitest';
import type { Mail, Mailer } from '../../server/platform/mail/mail.ts';
import { type ReadMail, readMail } from '../notifications/mail-files.ts';

export const MAIL: Mail = {
  id: 'mail-1',
  to: { name: 'Ada', address: 'ada@example.org' },
  subject: 'Notes 1.0 was approved',
  text: 'Notes 1.0 was approved.\n',
  html: '<p>Notes 1.0 was approved.</p>\n',
  unsubscribeUrl: 'https://apps.example.org/profile',
};
export const FROM = 'Mosis <mosis@apps.example.org>';

export interface MailerStand {
  readonly mailer: Mailer;
  /** The raw mails that arrived, oldest first. */
  arrived(): Promise<string[]>;
  close(): Promise<void>;
}

/** Runs the contract over an adapter. */
export function mailerContract(name: string, start: () => Promise<MailerStand>): void {
  async function sent(...mails: Mail[]): Promise<{ raw: string; mail: ReadMail }[]> {
    const stand = await start();
    try {
      for (const mail of mails) await stand.mailer.send(mail, new AbortController().signal);
      return (await stand.arrived()).map((raw) => ({ raw, mail: readMail(raw) }));
    } finally {
      await stand.close();
    }
  }

  describe(`a mailer (${name})`, () => {
    it('hands over both parts, the sender, and where such mails are ended', async () => {
      const [one] = await sent(MAIL);
      expect(one?.mail.subject).toBe(MAIL.subject);
      expect(one?.mail.to).toBe('Ada <ada@example.org>');
      expect(one?.mail.text.trim()).toBe(MAIL.text.trim());
      expect(one?.mail.html.trim()).toBe(MAIL.html.trim());
      expect(one?.mail.headers).toEqual(
        expect.arrayContaining([
          'From: Mosis <mosis@apps.example.org>',
          'List-Unsubscribe: <https://apps.example.org/profile>',
          'Auto-Submitted: auto-generated',
        ]),
      );
    });

    it('gives a mail that is sent twice the same Message-ID', async () => {
      const mails = await sent(MAIL, MAIL, { ...MAIL, id: 'mail-2' });
      const ids = mails.map(({ mail }) => mail.headers.find((line) => line.startsWith('Message-ID:')));
      expect(ids).toEqual([
        'Message-ID: <mail-1@apps.example.org>',
        'Message-ID: <mail-1@apps.example.org>',
        'Message-ID: <mail-2@apps.example.org>',
      ]);
    });

    it('lets nobody put a header in by a name or a subject', async () => {
      const [one] = await sent({
        ...MAIL,
        id: 'x\r\nBcc: eve@example.org',
        to: { name: 'Ada\r\nBcc: eve@example.org', address: 'ada@example.org' },
        subject: 'Hello\r\nBcc: eve@example.org\r\n\r\nbody\u202etxt\0',
        unsubscribeUrl: 'https://apps.example.org/\r\nBcc: eve@example.org',
      });
      expect(one?.mail.headers.filter((line) => /^bcc/i.test(line))).toEqual([]);
      expect(one?.mail.subject).toBe('Hello Bcc: eve@example.org body txt');
      expect(one?.mail.text.trim()).toBe(MAIL.text.trim());
    });

    it('bounds what stands in a header', async () => {
      const [one] = await sent({ ...MAIL, subject: '😀'.repeat(1_000) });
      expect([...(one?.mail.subject ?? '')]).toHaveLength(150);
    });

    it('reads no file and no address that a text names', async () => {
      const [one] = await sent({ ...MAIL, text: '/etc/hostname', html: '<img src="file:///etc/hostname">' });
      expect(one?.mail.text.trim()).toBe('/etc/hostname');
    });

    it('sends nothing once its signal has aborted', async () => {
      const stand = await start();
      await expect(stand.mailer.send(MAIL, AbortSignal.abort())).rejects.toThrow();
      expect(await stand.arrived()).toEqual([]);
      await stand.close();
    });
  });
}
