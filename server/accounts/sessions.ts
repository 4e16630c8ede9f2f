/** Owns sessions: making, proving, listing and ending them, and their cookie. Lucia is used here and nowhere else. */
import { Cookie, Lucia, TimeSpan } from 'lucia';
import type { Clock } from '../platform/clock.ts';
import type { Database, Db, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import { createLuciaAdapter, type OwnerAttributes, type SessionAttributes } from './lucia-adapter.ts';
import { makeSecret, type RandomBytes } from './secrets.ts';
import { isSessionKind, type SessionKind } from './session-kinds.ts';
import { type DeveloperViewer, type Origin, viewerOf } from './viewer.ts';

const DAY_MS = 24 * 60 * 60_000;
/** A portal session ends after this long without use. */
export const IDLE_DAYS = 30;
/** Any session ends this long after it began, used or not. */
export const ABSOLUTE_DAYS = 90;
/** Use is written down at most this often, so that reading does not become writing. */
const TOUCH_MS = 10 * 60_000;
/** More than anybody has devices; the longest unused ones go first. */
const MAX_SESSIONS = 50;
const MAX_LABEL_CHARS = 120;

/** The first characters of the tokens, so that leaked ones are recognised. */
const TOKEN_PREFIX: Readonly<Record<SessionKind, string>> = { PORTAL: 'ms_', CLI: 'mc_' };
export const CLI_TOKEN_PREFIX = TOKEN_PREFIX.CLI;

/** A session as its owner sees it; neither the token nor its hash. */
export interface SessionView {
  readonly publicId: string;
  readonly kind: SessionKind;
  readonly label: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** A session just made: the only moment at which its token is known. */
export interface NewSession {
  readonly token: string;
  readonly publicId: string;
  readonly expiresAt: Date;
}

export interface Sessions {
  /** Makes a session in the caller's transaction; past 50 the longest unused one ends. */
  create(
    tx: Tx,
    wish: { developerId: string; kind: SessionKind; label: string | null; origin: Origin },
  ): Promise<NewSession>;
  /** The viewer behind a token of this kind, or null; moves the idle expiry forward, written at most every 10 minutes. */
  validate(token: string, kind: SessionKind, origin: Origin): Promise<DeveloperViewer | null>;
  /** The sessions that still count, last used first. */
  list(developerId: string): Promise<SessionView[]>;
  /** Ends one session of this account; false when it has none with this public id. */
  revoke(tx: Tx, developerId: string, publicId: string): Promise<boolean>;
  /** Ends every session of the account but one; returns how many ended. */
  revokeAll(tx: Tx, developerId: string, exceptPublicId?: string): Promise<number>;
  /** Removes what has expired. */
  sweep(): Promise<void>;
  /** The Set-Cookie value that hands the token to the browser. */
  cookieOf(token: string): string;
  /** The Set-Cookie value that takes it away. */
  blankCookie(): string;
  /** The token in a Cookie header, or null. */
  readCookie(header: string): string | null;
}

type OurLucia = Lucia<SessionAttributes, OwnerAttributes>;

declare module 'lucia' {
  interface Register {
    Lucia: OurLucia;
    DatabaseSessionAttributes: SessionAttributes;
    DatabaseUserAttributes: OwnerAttributes;
  }
}

/** Makes the sessions of one installation. Over https the cookie is `__Host-mosis` and Secure, on http://localhost it is `mosis`. */
export function createSessions(options: {
  readonly db: Pick<Database, 'prisma'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: RandomBytes;
  readonly publicUrl: string;
}): Sessions {
  const { db, clock, ids, random } = options;
  const secure = options.publicUrl.startsWith('https:');

  /** Lucia is bound to its adapter, so a transaction gets one of its own; making one costs nothing. */
  function luciaOn(database: Db): OurLucia {
    return new Lucia(createLuciaAdapter({ db: database, clock }), {
      sessionExpiresIn: new TimeSpan(IDLE_DAYS, 'd'),
      sessionCookie: {
        name: secure ? '__Host-mosis' : 'mosis',
        attributes: { secure, sameSite: 'lax', path: '/' },
      },
      getSessionAttributes: (attributes) => attributes,
      getUserAttributes: (attributes) => attributes,
    });
  }
  const lucia = luciaOn(db.prisma);
  const stillCounts = () => ({ expiresAt: { gt: clock.now() }, absoluteExpiresAt: { gt: clock.now() } });

  return {
    async create(tx, { developerId, kind, label, origin }) {
      const now = clock.now();
      const token = makeSecret(random, TOKEN_PREFIX[kind]);
      const publicId = ids.next();
      await endLongestUnused(tx, developerId);
      const attributes: SessionAttributes = {
        publicId,
        kind,
        label: label?.slice(0, MAX_LABEL_CHARS) ?? null,
        ip: origin.ip,
        userAgent: origin.userAgent?.slice(0, 400) ?? null,
        createdAt: now,
        lastUsedAt: now,
        absoluteExpiresAt: new Date(now.getTime() + ABSOLUTE_DAYS * DAY_MS),
      };
      await luciaOn(tx).createSession(developerId, attributes, { sessionId: token });
      return { token, publicId, expiresAt: idleExpiry(kind, now, attributes.absoluteExpiresAt) };
    },

    async validate(token, kind, origin) {
      if (token.length > 128) return null;
      const { session, user } = await lucia.validateSession(token);
      if (session === null || session.kind !== kind) return null;
      const now = clock.now();
      const expiresAt = idleExpiry(kind, now, session.absoluteExpiresAt);
      if (now.getTime() - session.lastUsedAt.getTime() >= TOUCH_MS) {
        // Many requests at once find the same old time; only the first of them writes.
        await db.prisma.session.updateMany({
          where: { publicId: session.publicId, lastUsedAt: session.lastUsedAt },
          data: { lastUsedAt: now, expiresAt, ip: origin.ip, userAgent: origin.userAgent?.slice(0, 400) ?? null },
        });
      }
      return viewerOf(user, { kind: kind === 'CLI' ? 'CLI' : 'SESSION', id: session.publicId, expiresAt });
    },

    async list(developerId) {
      const rows = await db.prisma.session.findMany({
        where: { developerId, ...stillCounts() },
        orderBy: [{ lastUsedAt: 'desc' }, { publicId: 'desc' }],
        omit: { id: true, developerId: true, absoluteExpiresAt: true },
      });
      return rows.flatMap((row) => (isSessionKind(row.kind) ? [{ ...row, kind: row.kind }] : []));
    },

    async revoke(tx, developerId, publicId) {
      const { count } = await tx.session.deleteMany({ where: { developerId, publicId } });
      return count > 0;
    },

    async revokeAll(tx, developerId, exceptPublicId) {
      const others = exceptPublicId === undefined ? {} : { publicId: { not: exceptPublicId } };
      const { count } = await tx.session.deleteMany({ where: { developerId, ...others } });
      return count;
    },

    sweep: () => lucia.deleteExpiredSessions(),

    cookieOf(token) {
      const cookie = lucia.createSessionCookie(token);
      // The browser keeps it as long as the session can last; the server decides when that is over.
      return new Cookie(cookie.name, cookie.value, {
        ...cookie.attributes,
        maxAge: ABSOLUTE_DAYS * 24 * 3600,
      }).serialize();
    },
    blankCookie: () => lucia.createBlankSessionCookie().serialize(),
    readCookie: (header) => {
      // Not Lucia's own reader: it throws when any other cookie of the browser is not percent-encoded.
      const start = `${lucia.sessionCookieName}=`;
      const found = header
        .split(';')
        .map((part) => part.trim())
        .find((part) => part.startsWith(start));
      return found === undefined || found.length === start.length ? null : found.slice(start.length);
    },
  };

  async function endLongestUnused(tx: Tx, developerId: string): Promise<void> {
    const tooMany = await tx.session.findMany({
      where: { developerId },
      orderBy: [{ lastUsedAt: 'desc' }, { publicId: 'desc' }],
      skip: MAX_SESSIONS - 1,
      select: { id: true },
    });
    if (tooMany.length > 0) await tx.session.deleteMany({ where: { id: { in: tooMany.map(({ id }) => id) } } });
  }
}

/** When a session used now ends if it is not used again. */
function idleExpiry(kind: SessionKind, now: Date, absolute: Date): Date {
  if (kind === 'CLI') return absolute;
  return new Date(Math.min(now.getTime() + IDLE_DAYS * DAY_MS, absolute.getTime()));
}
