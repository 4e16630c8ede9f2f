/** Mail over real SMTP servers, and to files; the settings that choose between them. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../server/config.ts';
import { createFolderMailer } from '../../server/platform/mail/folder.ts';
import { MailRefused } from '../../server/platform/mail/mail.ts';
import { createSmtpMailer, type SmtpServer } from '../../server/platform/mail/smtp.ts';
import { createTestClock } from '../support/clock.ts';
import { FROM, MAIL, type MailerStand, mailerContract } from './mail.contract.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './mail-certificate.ts';

const signal = new AbortController().signal;

interface SmtpStand extends MailerStand {
  readonly port: number;
  /** Whether each mail came over TLS. */
  readonly secure: boolean[];
}

/** A real SMTP server in this process, and a mailer to it. */
async function startSmtp(
  given: Partial<SmtpServer> = {},
  options: SMTPServerOptions = {},
  { ca = CERTIFICATE, timeoutMs = 5_000 }: { ca?: string | null; timeoutMs?: number } = {},
): Promise<SmtpStand> {
  const raws: string[] = [];
  const secure: boolean[] = [];
  const server = new SMTPServer({
    key: CERTIFICATE_KEY,
    cert: CERTIFICATE,
    authOptional: true,
    closeTimeout: 100,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        raws.push(Buffer.concat(chunks).toString('utf8'));
        secure.push(session.secure);
        done();
      });
    },
    ...options,
  });
  // What clients break off is theirs.
  server.on('error', () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = server.server.address() as AddressInfo;
  const target: SmtpServer = { host: 'localhost', port, tls: 'OPTIONAL', login: null, ...given };
  return {
    port,
    secure,
    mailer: createSmtpMailer({ server: target, from: FROM, timeoutMs, ...(ca === null ? {} : { ca }) }),
    arrived: async () => raws,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function startFolder(maxFiles?: number): Promise<MailerStand & { folder: string; warnings: string[] }> {
  const parent = await mkdtemp(join(tmpdir(), 'mosis-mail-'));
  const folder = join(parent, 'mail');
  const clock = createTestClock();
  const warnings: string[] = [];
  const log = {
    warn: (details: object, message: string) => void warnings.push(`${message} ${JSON.stringify(details)}`),
  };
  const mailer = createFolderMailer({
    folder,
    from: FROM,
    clock,
    log,
    ...(maxFiles === undefined ? {} : { maxFiles }),
  });
  return {
    folder,
    warnings,
    mailer: {
      send(mail, given) {
        clock.advance(1);
        return mailer.send(mail, given);
      },
    },
    async arrived() {
      const names = (await readdir(folder).catch(() => [])).toSorted();
      return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    },
    close: () => rm(parent, { recursive: true, force: true }),
  };
}

mailerContract('SMTP', startSmtp);
mailerContract('folder', startFolder);

describe('mail over SMTP', () => {
  it('is encrypted wherever the server can, and with smtps from the first byte', async () => {
    const upgraded = await startSmtp({ tls: 'REQUIRED' });
    await upgraded.mailer.send(MAIL, signal);
    const fromStart = await startSmtp({ tls: 'FROM_START' }, { secure: true });
    await fromStart.mailer.send(MAIL, signal);
    const optional = await startSmtp({ tls: 'OPTIONAL' });
    await optional.mailer.send(MAIL, signal);
    expect([upgraded.secure, fromStart.secure, optional.secure]).toEqual([[true], [true], [true]]);
    for (const stand of [upgraded, fromStart, optional]) await stand.close();
  });

  it('is not sent in the clear where TLS is required: not even the password is', async () => {
    const tried: string[] = [];
    const stand = await startSmtp(
      { tls: 'REQUIRED', login: { user: 'mosis', password: 'secret' } },
      {
        hideSTARTTLS: true,
        disabledCommands: ['STARTTLS'],
        allowInsecureAuth: true,
        onAuth(auth, _session, done) {
          tried.push(auth.username ?? '');
          done(null, { user: auth.username });
        },
      },
    );
    const error = await stand.mailer.send(MAIL, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ETLS' });
    expect(error).not.toBeInstanceOf(MailRefused);
    expect([tried, await stand.arrived()]).toEqual([[], []]);
    await stand.close();
  });

  it('goes in the clear only where that was allowed and the server has no TLS', async () => {
    const stand = await startSmtp({ tls: 'OPTIONAL' }, { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    await stand.mailer.send(MAIL, signal);
    expect(stand.secure).toEqual([false]);
    await stand.close();
  });

  it('is not sent to a server that nobody vouches for', async () => {
    const stand = await startSmtp({ tls: 'REQUIRED' }, {}, { ca: null });
    await expect(stand.mailer.send(MAIL, signal)).rejects.toMatchObject({
      code: expect.stringMatching(/ETLS|ESOCKET/),
    });
    expect(await stand.arrived()).toEqual([]);
    await stand.close();
  });

  it('signs in; a refused sign-in is the operator’s to mend, so a later try may do better', async () => {
    const options: SMTPServerOptions = {
      authOptional: false,
      onAuth: ({ username, password }, _session, done) =>
        username === 'mosis' && password === 'secret' ? done(null, { user: 'mosis' }) : done(new Error('no')),
    };
    const right = await startSmtp({ tls: 'REQUIRED', login: { user: 'mosis', password: 'secret' } }, options);
    await right.mailer.send(MAIL, signal);
    expect(right.secure).toEqual([true]);
    const wrong = await startSmtp({ tls: 'REQUIRED', login: { user: 'mosis', password: 'guess' } }, options);
    const error = await wrong.mailer.send(MAIL, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'EAUTH' });
    expect(error).not.toBeInstanceOf(MailRefused);
    expect(String(error)).not.toContain('guess');
    for (const stand of [right, wrong]) await stand.close();
  });

  it.each([
    ['the recipient', { onRcptTo: refusing }],
    ['the content', { onData: refusingData }],
  ] as const)('refused with 5xx for %s is refused for good, with 4xx for now', async (_what, handlers) => {
    for (const [code, forGood] of [
      [550, true],
      [451, false],
    ] as const) {
      const options: SMTPServerOptions =
        'onRcptTo' in handlers
          ? { onRcptTo: (_to, _session, done) => handlers.onRcptTo(code, done) }
          : { onData: (stream, _session, done) => handlers.onData(code, stream, done) };
      const stand = await startSmtp({}, options);
      const error = await stand.mailer.send(MAIL, signal).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect(error instanceof MailRefused).toBe(forGood);
      if (forGood) expect(String(error)).toContain('no such mailbox');
      await stand.close();
    }
  });

  it('ends in time where the server says nothing, and where there is none', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as AddressInfo;
    const server: SmtpServer = { host: '127.0.0.1', port, tls: 'OPTIONAL', login: null };
    const mailer = createSmtpMailer({ server, from: FROM, timeoutMs: 200 });
    await expect(mailer.send(MAIL, signal)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    const abort = new AbortController();
    const slow = createSmtpMailer({ server, from: FROM, timeoutMs: 60_000 }).send(MAIL, abort.signal);
    abort.abort();
    await expect(slow).rejects.toThrow();
    await new Promise((resolve) => silent.close(resolve));
    await expect(mailer.send(MAIL, signal)).rejects.toMatchObject({ code: 'ESOCKET' });
  });
});

type Done = (error?: (Error & { responseCode?: number }) | null) => void;

function refusing(code: number, done: Done): void {
  done(Object.assign(new Error('no such mailbox'), { responseCode: code }));
}

function refusingData(code: number, stream: NodeJS.ReadableStream, done: Done): void {
  stream.resume();
  stream.on('end', () => refusing(code, done));
}

describe('mail without a mail server', () => {
  it('is kept in files that only the server’s user may read, the newest ones, and the log says so once', async () => {
    const stand = await startFolder(3);
    for (let count = 1; count <= 5; count += 1) {
      await stand.mailer.send({ ...MAIL, id: `mail-${count}`, subject: `Mail ${count}` }, signal);
    }
    const subjects = (await stand.arrived()).map((raw) => /^Subject: (.*)\r?$/m.exec(raw)?.[1]);
    expect(subjects).toEqual(['Mail 3', 'Mail 4', 'Mail 5']);
    for (const name of await readdir(stand.folder)) {
      expect((await stat(join(stand.folder, name))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(stand.folder)).mode & 0o777).toBe(0o700);
    expect(stand.warnings).toHaveLength(1);
    for (const word of ['approved', 'ada', 'Mail']) expect(stand.warnings[0]).not.toContain(word);
    await stand.close();
  });
});

describe('the settings of mail', () => {
  const mailOf = (env: Record<string, string>) => readConfig(env).mail;
  const mistakeOf = (env: Record<string, string>): string => {
    try {
      readConfig(env);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return '';
  };
  const MAIL_FROM = 'mosis@example.org';

  it('are files where no server is set', () => {
    expect(mailOf({ PUBLIC_URL: 'https://apps.example.org' })).toEqual({
      kind: 'FOLDER',
      from: 'Mosis <mosis@apps.example.org>',
    });
  });

  it.each([
    ['smtp://mail.example.org', { host: 'mail.example.org', port: 587, tls: 'REQUIRED', login: null }],
    ['smtp://mail.example.org:25?tls=optional', { host: 'mail.example.org', port: 25, tls: 'OPTIONAL', login: null }],
    ['smtp://localhost:25', { host: 'localhost', port: 25, tls: 'OPTIONAL', login: null }],
    [
      'smtps://me%40example.org:p%40ss@mail.example.org',
      { host: 'mail.example.org', port: 465, tls: 'FROM_START', login: { user: 'me@example.org', password: 'p@ss' } },
    ],
  ])('are read from %s', (SMTP_URL, server) => {
    expect(mailOf({ SMTP_URL, MAIL_FROM })).toEqual({ kind: 'SMTP', from: MAIL_FROM, server });
  });

  it('may stand in a file of their own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mosis-secret-'));
    const file = join(folder, 'smtp-url');
    await writeFile(file, 'smtps://mosis:secret@mail.example.org\n');
    expect(mailOf({ SMTP_URL_FILE: file, MAIL_FROM })).toMatchObject({
      server: { login: { user: 'mosis', password: 'secret' } },
    });
    expect(mistakeOf({ SMTP_URL_FILE: file, SMTP_URL: 'smtp://localhost', MAIL_FROM })).toMatch(/one of them/);
    await rm(folder, { recursive: true });
    expect(mistakeOf({ SMTP_URL_FILE: file, MAIL_FROM })).toMatch(/SMTP_URL_FILE: cannot be read/);
  });

  it('are refused with a reason, which never repeats the password', () => {
    for (const SMTP_URL of [
      'http://a:secret@b',
      'smtp:secret',
      'smtp://a:secret%zz@b',
      'smtp://a:secret@b/c',
      'smtp://a:secret@b?x=1',
    ]) {
      const message = mistakeOf({ SMTP_URL, MAIL_FROM });
      expect(message).toContain('SMTP_URL');
      expect(message).not.toContain('secret');
    }
    expect(mistakeOf({ SMTP_URL: 'smtp://localhost' })).toContain('MAIL_FROM');
    for (const from of ['mosis', 'a@b\r\nBcc: c@d', 'Mosis <a@b', 'a@b>', 'A, B <a@b> <c@d>']) {
      expect(mistakeOf({ MAIL_FROM: from })).toContain('MAIL_FROM');
    }
  });
});
