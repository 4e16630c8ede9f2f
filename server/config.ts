/** The only reader of the environment: parses it once, reports every mistake together, and hands out plain values. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';

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
});

/** Every mistake in the environment, one line each; thrown before anything has started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the settings from `env`; throws one ConfigError that lists every mistake. An empty value counts as unset. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`The environment has ${lines.length} mistake(s):\n${lines.join('\n')}`);
  }
  const value = parsed.data;
  return {
    mode: value.NODE_ENV === 'production' ? 'production' : 'development',
    host: value.HOST,
    port: value.PORT,
    dataDir: resolve(value.DATA_DIR),
    publicUrl: value.PUBLIC_URL ?? `http://localhost:${value.PORT}`,
    trustedProxies: value.TRUSTED_PROXIES,
    allowedOrigins: value.ALLOWED_ORIGINS,
    logLevel: value.LOG_LEVEL,
    maxPackageBytes: value.MAX_PACKAGE_BYTES,
    checkThreads: value.CHECK_THREADS ?? null,
    publicCache: value.PUBLIC_CACHE,
  };
}
