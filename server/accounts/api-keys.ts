/** Owns API keys: making, proving, listing and ending them. What a scope allows is decided where the act is. */
import { memberApps } from '../apps/access.ts';
import { actorOf } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import { requirePerson } from './access.ts';
import type { AccountParts } from './dependencies.ts';
import { createApiKeyInput, parseInput, revokeApiKeyInput } from './inputs.ts';
import { isWellFormedSecret, makeSecret, sha256Hex } from './secrets.ts';
import {
  API_KEY_SCOPES,
  type ApiKeyScope,
  type DeveloperViewer,
  type Origin,
  type Viewer,
  viewerOf,
} from './viewer.ts';

export const API_KEY_PREFIX = 'mk_';
const SHOWN_CHARACTERS = API_KEY_PREFIX.length + 8;
const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_LIFE_MS = 90 * DAY_MS;
const MAX_LIFE_MS = 366 * DAY_MS;
const MAX_LIVE_KEYS = 50;
/** Use is written down at most this often. */
const TOUCH_MS = 60_000;

/** A key as its owner sees it; neither the key nor its hash. */
export interface ApiKeyView {
  readonly id: string;
  readonly name: string;
  /** The first characters, to tell keys apart: `mk_abcd1234`. */
  readonly prefix: string;
  readonly scopes: readonly ApiKeyScope[];
  readonly appId: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface ApiKeys {
  /**
   * A new key; `secret` is shown this once. `expiresAt` defaults to 90 days and is at most 366 days away. Throws
   * VALIDATION, NOT_FOUND (an app the viewer is no member of), LIMIT_REACHED (50 live keys), FORBIDDEN (through a key).
   */
  create(viewer: Viewer, input: unknown, origin: Origin): Promise<{ apiKey: ApiKeyView; secret: string }>;
  /** Every key of the account, ended ones too, newest first. */
  list(developerId: string): Promise<ApiKeyView[]>;
  /** Ends a key at once; ending it again changes nothing. Throws NOT_FOUND. */
  revoke(viewer: Viewer, input: unknown, origin: Origin): Promise<{ apiKey: ApiKeyView }>;
  /** The viewer behind a key. Throws UNAUTHENTICATED that says whether it is malformed, unknown, expired or revoked. */
  authenticate(key: string): Promise<DeveloperViewer>;
}

/** Makes the keys' part of the account service. */
export function createApiKeys({
  work,
  db,
  clock,
  ids,
  random,
}: Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids' | 'random'>): ApiKeys {
  return {
    async create(viewer, input, origin) {
      const developer = requirePerson(viewer);
      const { name, scopes, appId, expiresAt: wished } = parseInput(createApiKeyInput, input);
      const now = clock.now();
      const expiresAt = wished ?? new Date(now.getTime() + DEFAULT_LIFE_MS);
      if (expiresAt <= now) throw invalidField('input.expiresAt', 'The expiry is in the past.');
      if (expiresAt.getTime() > now.getTime() + MAX_LIFE_MS) {
        throw invalidField('input.expiresAt', 'A key lasts at most 366 days. Choose an earlier expiry.');
      }
      const secret = makeSecret(random, API_KEY_PREFIX);
      const row = await work(async ({ tx, audit }) => {
        const { developerId } = developer;
        const isMine = async (id: string) => (await tx.app.count({ where: { id, AND: [memberApps(developer)] } })) > 0;
        if (appId !== null && !(await isMine(appId))) throw notFound('The app');
        const live = await tx.apiKey.count({ where: { developerId, revokedAt: null, expiresAt: { gt: now } } });
        if (live >= MAX_LIVE_KEYS) {
          throw new DomainError(
            'LIMIT_REACHED',
            `An account has at most ${MAX_LIVE_KEYS} live API keys. Revoke one first.`,
          );
        }
        const created = await tx.apiKey.create({
          data: {
            id: ids.next(),
            developerId,
            name,
            keyHash: sha256Hex(secret),
            keyPrefix: secret.slice(0, SHOWN_CHARACTERS),
            scopes,
            appId,
            expiresAt,
            createdAt: now,
          },
        });
        audit({
          ...actorOf(viewer, origin),
          action: 'api_key.create',
          resourceType: 'api_key',
          resourceId: created.id,
          details: { name, scopes, appId, expiresAt: expiresAt.toISOString() },
        });
        return created;
      });
      return { apiKey: viewApiKey(row), secret };
    },

    async list(developerId) {
      const rows = await db.prisma.apiKey.findMany({ where: { developerId }, orderBy: { id: 'desc' }, take: 500 });
      return rows.map(viewApiKey);
    },

    async revoke(viewer, input, origin) {
      const { developerId } = requirePerson(viewer);
      const { apiKeyId } = parseInput(revokeApiKeyInput, input);
      const row = await work(async ({ tx, audit }) => {
        const key = await tx.apiKey.findFirst({ where: { id: apiKeyId, developerId } });
        if (key === null) throw notFound('The API key');
        if (key.revokedAt !== null) return key;
        audit({ ...actorOf(viewer, origin), action: 'api_key.revoke', resourceType: 'api_key', resourceId: key.id });
        return tx.apiKey.update({ where: { id: key.id }, data: { revokedAt: clock.now() } });
      });
      return { apiKey: viewApiKey(row) };
    },

    async authenticate(key) {
      if (!isWellFormedSecret(key, API_KEY_PREFIX)) {
        throw refused('This is no API key: its form or checksum is wrong. Copy the whole key again.');
      }
      const row = await db.prisma.apiKey.findUnique({
        where: { keyHash: sha256Hex(key) },
        include: { developer: true },
      });
      if (row === null || row.developer.status !== 'ACTIVE')
        throw refused('This API key is not known. Create a new one in the portal.');
      if (row.revokedAt !== null) throw refused('This API key was revoked. Create a new one in the portal.');
      const now = clock.now();
      if (row.expiresAt !== null && row.expiresAt <= now)
        throw refused('This API key has expired. Create a new one in the portal.');
      if (row.lastUsedAt === null || now.getTime() - row.lastUsedAt.getTime() >= TOUCH_MS) {
        await db.prisma.apiKey.updateMany({
          where: { id: row.id, lastUsedAt: row.lastUsedAt },
          data: { lastUsedAt: now },
        });
      }
      return viewerOf(row.developer, {
        kind: 'API_KEY',
        id: row.id,
        expiresAt: row.expiresAt,
        scopes: scopesOf(row.scopes),
        appId: row.appId,
      });
    },
  };
}

function refused(message: string): DomainError {
  return new DomainError('UNAUTHENTICATED', message);
}

/** The scopes of a stored key; a scope that no longer exists gives nothing. */
export function scopesOf(stored: unknown): ApiKeyScope[] {
  return Array.isArray(stored) ? API_KEY_SCOPES.filter((scope) => stored.includes(scope)) : [];
}

/** What an owner sees of a stored key. */
export function viewApiKey(row: {
  id: string;
  name: string;
  keyPrefix: string;
  scopes: unknown;
  appId: string | null;
  createdAt: Date;
  lastUsedAt: Date | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
}): ApiKeyView {
  const { id, name, appId, createdAt, lastUsedAt, expiresAt, revokedAt } = row;
  return {
    id,
    name,
    prefix: row.keyPrefix,
    scopes: scopesOf(row.scopes),
    appId,
    createdAt,
    lastUsedAt,
    expiresAt,
    revokedAt,
  };
}
