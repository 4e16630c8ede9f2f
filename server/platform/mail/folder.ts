// Owns mail where no mail server is set up: each is a file that the operator can read, and only the newest are kept.
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { type Mail, type Mailer, messageOf } from './mail.ts';

const DEFAULT_MAX_FILES = 200;

type Options = {
  /** Made with mode 0700 at the first mail. */
  readonly folder: string;
  readonly from: string;
  readonly clock: Clock;
  readonly log: { warn(details: object, message: string): void };
  /** Default 200. */
  readonly maxFiles?: number;
};

/** Writes each mail to `{folder}/{time}-{id}.eml`, mode 0600; says so once in the log, and never what a mail says. */
export function createFolderMailer({ folder, from, clock, log, maxFiles = DEFAULT_MAX_FILES }: Options): Mailer {
  let told = false;

  /** The library is loaded with the first mail. */
  async function bytesOf(mail: Mail): Promise<Buffer> {
    const { createTransport } = await import('nodemailer');
    const { message } = await createTransport({ streamTransport: true, buffer: true }).sendMail(messageOf(mail, from));
    if (!Buffer.isBuffer(message)) throw new Error('The mail could not be written as bytes');
    return message;
  }

  async function forgetOldest(): Promise<void> {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.eml')).toSorted();
    for (const name of files.slice(0, Math.max(0, files.length - maxFiles))) {
      await unlink(join(folder, name)).catch((error: unknown) => {
        // Whoever reads the mails may remove them.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      });
    }
  }

  return {
    async send(mail, signal) {
      const message = await bytesOf(mail);
      signal.throwIfAborted();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const stamp = clock.now().toISOString().replaceAll(/[:.]/g, '-');
      const name = `${stamp}-${mail.id.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 100)}.eml`;
      const draft = join(folder, `.${name}.new`);
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(message);
      } finally {
        await file.close();
      }
      await rename(draft, join(folder, name));
      await forgetOldest();
      if (told) return;
      told = true;
      log.warn({ folder }, 'SMTP_URL is not set: mails are written to files and sent to nobody');
    },
  };
}
