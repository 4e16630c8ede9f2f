/** Owns signing up, in and out, and what people change about their own account. It reads no cookie and no header. */
import { actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Tx } from '../platform/db/database.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { Unit } from '../unit-of-work.ts';
import { requirePerson, requirePortal, requireSignedIn } from './access.ts';
import type { AccountParts } from './dependencies.ts';
import {
  changePasswordInput,
  parseInput,
  revokeSessionInput,
  signInInput,
  signUpInput,
  updateProfileInput,
} from './inputs.ts';
import { checkPassword } from './password-policy.ts';
import type { SessionView } from './sessions.ts';
import {
  ANONYMOUS,
  type DeveloperIdentity,
  type DeveloperViewer,
  type Origin,
  type Viewer,
  viewerOf,
} from './viewer.ts';

/** Who is signed in from now on, and the Set-Cookie value that the browser must get. */
export interface SignedIn {
  readonly viewer: DeveloperViewer;
  readonly cookie: string;
}

export interface SignIn {
  /** A new account, signed in. Throws VALIDATION, PASSWORD_REFUSED, EMAIL_TAKEN, RATE_LIMITED. Makes nobody admin. */
  signUp(input: unknown, origin: Origin): Promise<SignedIn>;
  /** A session of an account; the one that the viewer came with ends. Throws BAD_CREDENTIALS, ACCOUNT_SUSPENDED, RATE_LIMITED. */
  signIn(viewer: Viewer, input: unknown, origin: Origin): Promise<SignedIn>;
  /** Ends the session that the viewer came with; `cookie` takes it from the browser. Does nothing for a visitor. */
  signOut(viewer: Viewer, origin: Origin): Promise<{ readonly cookie: string }>;
  /** Another password; every other session ends. Throws BAD_CREDENTIALS, PASSWORD_REFUSED, RATE_LIMITED, CONFLICT, FORBIDDEN. */
  changePassword(viewer: Viewer, input: unknown, origin: Origin): Promise<{ readonly viewer: DeveloperViewer }>;
  /** Another name. Throws VALIDATION, FORBIDDEN (through an API key). */
  updateProfile(viewer: Viewer, input: unknown, origin: Origin): Promise<{ readonly viewer: DeveloperViewer }>;
  /** Ends one of the viewer's sessions, by public id. Throws NOT_FOUND, FORBIDDEN. */
  revokeSession(viewer: Viewer, input: unknown, origin: Origin): Promise<{ readonly sessions: SessionView[] }>;
}

type Parts = Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids' | 'limiter' | 'passwords' | 'sessions'>;

/** Makes the sign-in's part of the account service. */
export function createSignIn(parts: Parts): SignIn {
  const { work, db, clock, limiter, passwords, sessions } = parts;

  return {
    async signUp(input, origin) {
      const { email, name, password } = parseInput(signUpInput, input);
      checkPassword(password, { email, name });
      limiter.begin({ kind: 'SIGN_UP', account: null, address: origin.ip });
      const passwordHash = await passwords.hash(password);
      return takingEmail(() =>
        work(async (unit) => {
          const developer = await createDeveloper(parts, unit.tx, { email, name, passwordHash, admin: false });
          unit.audit({
            ...actorOf(ANONYMOUS, origin),
            actorId: developer.id,
            action: 'account.register',
            resourceType: 'developer',
            resourceId: developer.id,
          });
          return beginSession(parts, unit, developer, origin);
        }),
      );
    },

    async signIn(viewer, input, origin) {
      const { email, password } = parseInput(signInInput, input);
      const attempt = limiter.begin({ kind: 'PASSWORD', account: email, address: origin.ip });
      const found = await db.prisma.developer.findUnique({ where: { email } });
      if (!(await passwords.verify(found?.passwordHash ?? null, password)) || found === null) {
        await recordFailure(found?.id ?? null, origin);
        throw wrongCredentials();
      }
      attempt.succeeded();
      return work(async (unit) => {
        // Looked up again: the hash took time, and the password or the account may have changed meanwhile.
        const developer = await unit.tx.developer.findUnique({ where: { id: found.id } });
        if (developer === null || developer.passwordHash !== found.passwordHash) throw wrongCredentials();
        if (developer.status === 'SUSPENDED') throw suspended(developer.statusReason);
        if (developer.status !== 'ACTIVE') throw wrongCredentials();
        if (viewer.kind === 'developer' && viewer.credential.kind === 'SESSION') {
          await sessions.revoke(unit.tx, viewer.developerId, viewer.credential.id);
        }
        return beginSession(parts, unit, developer, origin);
      });
    },

    async signOut(viewer, origin) {
      if (viewer.kind === 'developer' && viewer.credential.kind !== 'API_KEY') {
        const { developerId, credential } = viewer;
        await work(async ({ tx, audit }) => {
          if (!(await sessions.revoke(tx, developerId, credential.id))) return;
          audit({
            ...actorOf(viewer, origin),
            action: 'account.sign_out',
            resourceType: 'session',
            resourceId: credential.id,
          });
        });
      }
      return { cookie: sessions.blankCookie() };
    },

    async changePassword(viewer, input, origin) {
      const { developerId, email, name, credential } = requirePortal(viewer);
      const { currentPassword, newPassword } = parseInput(changePasswordInput, input);
      const attempt = limiter.begin({ kind: 'PASSWORD', account: email, address: origin.ip });
      const found = await db.prisma.developer.findUnique({
        where: { id: developerId },
        select: { passwordHash: true },
      });
      const storedHash = found?.passwordHash ?? null;
      if (!(await passwords.verify(storedHash, currentPassword))) {
        throw new DomainError('BAD_CREDENTIALS', 'The current password is wrong.');
      }
      attempt.succeeded();
      checkPassword(newPassword, { email, name });
      const passwordHash = await passwords.hash(newPassword);
      await work(async ({ tx, audit }) => {
        const { count } = await tx.developer.updateMany({
          where: { id: developerId, passwordHash: storedHash, status: 'ACTIVE' },
          data: { passwordHash, updatedAt: clock.now() },
        });
        if (count === 0)
          throw new DomainError('CONFLICT', 'The password was changed elsewhere at the same moment. Sign in again.');
        const ended = await sessions.revokeAll(tx, developerId, credential.id);
        // A confirmed request is a session that nobody has fetched yet.
        await tx.deviceLogin.deleteMany({ where: { developerId, state: 'CONFIRMED' } });
        audit({
          ...actorOf(viewer, origin),
          action: 'account.change_password',
          resourceType: 'developer',
          resourceId: developerId,
          details: { endedSessions: ended },
        });
      });
      return { viewer: requireSignedIn(viewer) };
    },

    async updateProfile(viewer, input, origin) {
      const before = requirePerson(viewer);
      const { name } = parseInput(updateProfileInput, input);
      await work(async ({ tx, audit }) => {
        await tx.developer.update({ where: { id: before.developerId }, data: { name, updatedAt: clock.now() } });
        audit({
          ...actorOf(viewer, origin),
          action: 'account.update_profile',
          resourceType: 'developer',
          resourceId: before.developerId,
          details: { before: before.name, after: name },
        });
      });
      return { viewer: { ...before, name } };
    },

    async revokeSession(viewer, input, origin) {
      const { developerId } = requirePerson(viewer);
      const { sessionId } = parseInput(revokeSessionInput, input);
      await work(async ({ tx, audit }) => {
        if (!(await sessions.revoke(tx, developerId, sessionId))) throw notFound('The session');
        audit({ ...actorOf(viewer, origin), action: 'session.revoke', resourceType: 'session', resourceId: sessionId });
      });
      return { sessions: await sessions.list(developerId) };
    },
  };

  /** Written for unknown addresses too, so that the answer takes as long; the address itself may be a mistyped password and is not kept. */
  async function recordFailure(developerId: string | null, origin: Origin): Promise<void> {
    await work(async ({ audit }) => {
      audit({
        ...actorOf(ANONYMOUS, origin),
        action: 'account.sign_in_failed',
        resourceType: 'developer',
        resourceId: developerId,
      });
    });
  }
}

/** Writes the row of a new account. */
export function createDeveloper(
  { ids, clock }: Pick<AccountParts, 'ids' | 'clock'>,
  tx: Tx,
  data: { email: string; name: string; passwordHash: string; admin: boolean },
): Promise<DeveloperIdentity> {
  const now = clock.now();
  return tx.developer.create({ data: { ...data, id: ids.next(), createdAt: now, updatedAt: now } });
}

/** Begins a portal session and tells the audit log. */
export async function beginSession(
  { sessions }: Pick<AccountParts, 'sessions'>,
  { tx, audit }: Pick<Unit, 'tx' | 'audit'>,
  developer: DeveloperIdentity,
  origin: Origin,
): Promise<SignedIn> {
  const session = await sessions.create(tx, { developerId: developer.id, kind: 'PORTAL', label: null, origin });
  const viewer = viewerOf(developer, { kind: 'SESSION', id: session.publicId, expiresAt: session.expiresAt });
  audit({
    ...actorOf(viewer, origin),
    action: 'account.sign_in',
    resourceType: 'session',
    resourceId: session.publicId,
  });
  return { viewer, cookie: sessions.cookieOf(session.token) };
}

/** Runs what writes an account; a taken address becomes EMAIL_TAKEN. */
export async function takingEmail<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isUniqueViolation(error, ['email'])) throw error;
    throw new DomainError('EMAIL_TAKEN', 'An account with this e-mail address exists. Sign in instead.');
  }
}

function wrongCredentials(): DomainError {
  return new DomainError('BAD_CREDENTIALS', 'E-mail address or password is wrong.');
}

function suspended(reason: string | null): DomainError {
  return new DomainError('ACCOUNT_SUSPENDED', `This account is suspended${reason === null ? '.' : `: ${reason}`}`);
}
