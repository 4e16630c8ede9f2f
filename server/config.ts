/** The only reader of the environment: parses it once, reports every mistake together, and hands out plain values. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Sendfile } from './distribution/front-server.ts';
import type { SmtpServer } from './platform/mail/smtp.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What the whole server is told from outside. Sizes are bytes, times are in the unit of their name. */
export interface Config {
  readonly mode: 'development' | 'production';
  readonly host: string;
  readonly port: number;
  /** Absolute path; holds databases, packages, uploads and keys. */
  readonly dataDir: string;
  /** Origin that browsers and devices use, without a trailing slash: the only source of origin and links. */
  readonly publicUrl: string;
  /** Addresses whose X-Forwarded-For is believed; empty means nobody's. */
  readonly trustedProxies: readonly string[];
  /** Origins of other sites whose pages may call GraphQL, without cookies; empty means none. */
  readonly allowedOrigins: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** At most 50 MiB (docs/PACKAGE_FORMAT.md 1). */
  readonly maxPackageBytes: number;
  /** Threads that check packages; null for one less than there are cores, 1 to 4. */
  readonly checkThreads: number | null;
  /** Whether public GraphQL answers are kept serialised. */
  readonly publicCache: boolean;
  /** Which server in front sends packages by itself, if any. */
  readonly sendfile: Sendfile;
  /** Where mail goes: to a mail server, or, where none is set, to files in the data folder. `from` is the sender. */
  readonly mail:
    | { readonly kind: 'SMTP'; readonly server: SmtpServer; readonly from: string }
    | { readonly kind: 'FOLDER'; readonly from: string };
}

const MAX_PACKAGE_BYTES = 50 * 1024 * 1024;

const origin = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    context.addIssue('must be an http or https URL such as https://apps.example.org');
    return z.NEVER;
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    context.addIssue('must be an origin only: no path, query or user name');
    return z.NEVER;
  }
  return url.origin;
});

const addressList = z.string().transform((text, context) => {
  const list = text.split(',').map((part) => part.trim());
  const wrong = list.filter((part) => part !== '' && isIP(part) === 0);
  if (wrong.length > 0)
    context.addIssue(`must be a comma-separated list of IP addresses; not one: ${wrong.join(', ')}`);
  return list.filter((part) => part !== '');
});

const originList = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(origin));

/** `smtp://` wants STARTTLS (`?tls=optional` does without where the server has none; so does this machine), `smtps://` TLS from the start. */
const smtpServer = z.string().transform((text, context): SmtpServer => {
  const url = URL.parse(text.trim());
  const wants = url?.searchParams.get('tls') ?? null;
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    // The value has a password in it: it is never repeated.
    context.addIssue('must be a URL such as smtps://user:password@mail.example.org:465');
    return z.NEVER;
  }
  if ((url.pathname !== '' && url.pathname !== '/') || (url.search !== '' && wants !== 'optional')) {
    context.addIssue('must have no path, and no option but tls=optional');
    return z.NEVER;
  }
  const [user, password] = [url.username, url.password].map(decoded);
  if (user === undefined || password === undefined) {
    context.addIssue('must have its user name and password percent-encoded: % is written %25');
    return z.NEVER;
  }
  const fromStart = url.protocol === 'smtps:';
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (fromStart ? 465 : 587) : Number(url.port),
    tls: fromStart ? 'FROM_START' : isHere || wants === 'optional' ? 'OPTIONAL' : 'REQUIRED',
    login: user === '' ? null : { user, password },
  };
});

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const sender = z
  .string()
  .max(320)
  .regex(
    /^(?:[^<>"\p{Cc}]{1,80} <)?[^\s<>@"\p{Cc}]{1,64}@[a-zA-Z0-9.-]{1,250}>?$/u,
    'must be an address such as mosis@example.org or Mosis <mosis@example.org>',
  )
  .refine((text) => text.includes('<') === text.endsWith('>'), 'must be Name <address>, or the address alone');

function wholeNumber(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);
}

const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).optional(),
  HOST: z.string().min(1).default('localhost'),
  PORT: wholeNumber(0, 65535).default(4000),
  DATA_DIR: z.string().min(1).default('./data'),
  PUBLIC_URL: origin.optional(),
  TRUSTED_PROXIES: addressList.default([]),
  ALLOWED_ORIGINS: originList.default([]),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  MAX_PACKAGE_BYTES: wholeNumber(1024, MAX_PACKAGE_BYTES).default(MAX_PACKAGE_BYTES),
  CHECK_THREADS: wholeNumber(1, 16).optional(),
  PUBLIC_CACHE: z
    .enum(['on', 'off'])
    .transform((value) => value === 'on')
    .default(true),
  SENDFILE: z.enum(['off', 'x-accel-redirect', 'x-sendfile']).default('off'),
  SENDFILE_PREFIX: z
    .string()
    .regex(
      /^\/(?:[A-Za-z0-9_-]{1,100}\/){1,4}$/,
      'must be a path such as /_packages/: plain letters, with / at both ends',
    )
    .default('/_packages/'),
  SMTP_URL: smtpServer.optional(),
  MAIL_FROM: sender.optional(),
});

/** Every mistake in the environment, one line each; thrown before anything has started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the settings from `env`; throws one ConfigError that lists every mistake. An empty value counts as unset. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(withSecretFiles(given));
  if (!parsed.success) throw mistakes(parsed.error.issues);
  const value = parsed.data;
  const publicUrl = value.PUBLIC_URL ?? `http://localhost:${value.PORT}`;
  if (value.SMTP_URL !== undefined && value.MAIL_FROM === undefined)
    throw mistakes([{ path: ['MAIL_FROM'], message: 'is needed with SMTP_URL: who the mails are from' }]);
  if (value.SENDFILE !== 'off' && value.TRUSTED_PROXIES.length === 0)
    throw mistakes([
      { path: ['SENDFILE'], message: 'needs TRUSTED_PROXIES: only the server in front is told where files lie' },
    ]);
  const from = value.MAIL_FROM ?? `Mosis <mosis@${new URL(publicUrl).hostname}>`;
  return {
    mode: value.NODE_ENV === 'production' ? 'production' : 'development',
    host: value.HOST,
    port: value.PORT,
    dataDir: resolve(value.DATA_DIR),
    publicUrl,
    trustedProxies: value.TRUSTED_PROXIES,
    allowedOrigins: value.ALLOWED_ORIGINS,
    logLevel: value.LOG_LEVEL,
    maxPackageBytes: value.MAX_PACKAGE_BYTES,
    checkThreads: value.CHECK_THREADS ?? null,
    publicCache: value.PUBLIC_CACHE,
    sendfile:
      value.SENDFILE === 'x-accel-redirect'
        ? { kind: value.SENDFILE, prefix: value.SENDFILE_PREFIX }
        : { kind: value.SENDFILE },
    mail: value.SMTP_URL === undefined ? { kind: 'FOLDER', from } : { kind: 'SMTP', server: value.SMTP_URL, from },
  };
}

function mistakes(issues: readonly { path: readonly PropertyKey[]; message: string }[]): ConfigError {
  const lines = issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  return new ConfigError(`The environment has ${lines.length} mistake(s):\n${lines.join('\n')}`);
}

/** Settings that may hold a secret can be in a file of their own, named by `<NAME>_FILE`. */
const SECRETS = ['SMTP_URL'] as const;

function withSecretFiles(given: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const all = { ...given };
  for (const name of SECRETS) {
    const path = given[`${name}_FILE`];
    if (path === undefined) continue;
    if (given[name] !== undefined)
      throw mistakes([{ path: [`${name}_FILE`], message: `is set beside ${name}: set one of them` }]);
    try {
      all[name] = readFileSync(path, 'utf8').trim();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw mistakes([{ path: [`${name}_FILE`], message: `cannot be read: ${reason}` }]);
    }
  }
  return all;
}
