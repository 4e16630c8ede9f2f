// Owns the sending of mail over SMTP: TLS, sign-in, time limits, and which refusals are for good.
import { type Mailer, MailRefused, messageOf } from './mail.ts';

/** Where and how; the password is a secret. */
export type SmtpServer = {
  readonly host: string;
  readonly port: number;
  /**
   * `FROM_START`: TLS from the first byte. `REQUIRED`: STARTTLS, and nothing is sent where the server has none. `OPTIONAL`: STARTTLS where
   * the server has it; for relays on this machine or in its own network.
   */
  readonly tls: 'FROM_START' | 'REQUIRED' | 'OPTIONAL';
  readonly login: { readonly user: string; readonly password: string } | null;
};

type Options = {
  readonly server: SmtpServer;
  readonly from: string;
  /** For each step: connecting, the greeting, and silence after; default 20 s. */
  readonly timeoutMs?: number;
  /** Certificates to trust in the place of the system's. */
  readonly ca?: string;
};

const DEFAULT_TIMEOUT_MS = 20_000;

/** A mailer over one SMTP server; a connection for each mail. Certificates are always verified. */
export function createSmtpMailer({ server, from, timeoutMs = DEFAULT_TIMEOUT_MS, ca }: Options): Mailer {
  // Loaded with the first mail: many servers send none for days.
  let loading: ReturnType<typeof load> | null = null;
  const load = async () =>
    (await import('nodemailer')).createTransport({
      host: server.host,
      port: server.port,
      secure: server.tls === 'FROM_START',
      requireTLS: server.tls === 'REQUIRED',
      ...(server.login === null ? {} : { auth: { user: server.login.user, pass: server.login.password } }),
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
      tls: { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    });
  return {
    async send(mail, signal) {
      try {
        loading ??= load();
        await (await loading).sendMail({ ...messageOf(mail, from), signal });
      } catch (error) {
        if (isForGood(error)) throw new MailRefused(`The mail server refused it: ${reasonOf(error)}`, { cause: error });
        throw error;
      }
    },
  };
}

/**
 * Only what the server says about this recipient or this content is for good. A refused sign-in or greeting is the
 * operator's to mend, and the mail waits for that.
 */
function isForGood(error: unknown): boolean {
  const code = field(error, 'code');
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && field(error, 'permanent') === true;
}

function reasonOf(error: unknown): string {
  const response = field(error, 'response');
  return typeof response === 'string' ? response.slice(0, 300) : 'without a reason';
}

function field(error: unknown, name: string): unknown {
  return error instanceof Error ? Reflect.get(error, name) : undefined;
}
