/** Owns the sign-in of a device without a browser: the shape of RFC 8628. What a CLI session may do is decided in access.ts. */
import { actorOf } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import { requirePortal } from './access.ts';
import type { AccountParts } from './dependencies.ts';
import { confirmDeviceLoginInput, parseInput, pollDeviceLoginInput, startDeviceLoginInput } from './inputs.ts';
import { makeSecret, randomUserCode, sha256Hex, USER_CODE_ALPHABET, USER_CODE_LENGTH } from './secrets.ts';
import { type DeveloperViewer, type Origin, type Viewer, viewerOf } from './viewer.ts';

export const DEVICE_LOGIN_STATES = ['PENDING', 'CONFIRMED', 'DENIED', 'EXPIRED'] as const;
export type DeviceLoginState = (typeof DEVICE_LOGIN_STATES)[number];

const LIFE_MS = 10 * 60_000;
export const POLL_INTERVAL_SECONDS = 5;
/** A client that waits five seconds by its own clock must not be told to slow down by ours. */
const POLL_TOLERANCE_MS = 500;
const DEVICE_CODE_PREFIX = 'md_';
const START_TRIES = 3;

/** What a CLI session may do, for the page on which a person confirms it. */
export const CLI_RIGHTS = [
  'Create and edit your apps, upload, submit and publish versions',
  'Read the telemetry of your apps',
  'Register and end signing keys and API keys',
  'No reviewer or admin acts, whatever your roles are',
] as const;

/** A request as the person who confirms it sees it. */
export interface DeviceLoginRequest {
  readonly id: string;
  readonly clientName: string;
  readonly host: string;
  /** The address that asked; null when it is not known. */
  readonly ip: string | null;
  readonly state: DeviceLoginState;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface StartedDeviceLogin {
  readonly deviceCode: string;
  /** `XXXX-XXXX`. */
  readonly userCode: string;
  /** Carries no code: the person types it. */
  readonly verificationUrl: string;
  readonly expiresAt: Date;
  readonly intervalSeconds: number;
}

export type PolledDeviceLogin =
  | { readonly state: 'PENDING' | 'DENIED' | 'EXPIRED'; readonly token: null; readonly viewer: null }
  | { readonly state: 'CONFIRMED'; readonly token: string; readonly viewer: DeveloperViewer };

export interface DeviceLogins {
  /** A new request, for anybody. Throws RATE_LIMITED, VALIDATION. */
  start(input: unknown, origin: Origin): Promise<StartedDeviceLogin>;
  /** The open request behind a typed code. A wrong code counts as a try. Throws DEVICE_CODE_UNKNOWN, RATE_LIMITED, FORBIDDEN. */
  lookUp(viewer: Viewer, userCode: string, origin: Origin): Promise<DeviceLoginRequest>;
  /** Confirms or denies it, once. Throws DEVICE_CODE_UNKNOWN (also when it was decided or expired), RATE_LIMITED, FORBIDDEN. */
  confirm(viewer: Viewer, input: unknown, origin: Origin): Promise<{ request: DeviceLoginRequest }>;
  /** What became of it; exactly one poll of a confirmed request gets the token. Throws SLOW_DOWN, DEVICE_CODE_UNKNOWN. */
  poll(input: unknown, origin: Origin): Promise<PolledDeviceLogin>;
  /** Removes requests that expired an hour ago or longer. */
  sweep(): Promise<void>;
}

type Parts = Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids' | 'random' | 'limiter' | 'sessions'>;

interface Row {
  readonly id: string;
  readonly clientName: string;
  readonly host: string;
  readonly ip: string | null;
  readonly state: string;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

/** Makes the device sign-in's part of the account service. */
export function createDeviceLogins(parts: Parts & { readonly publicUrl: string }): DeviceLogins {
  const { work, db, clock, ids, random, limiter, sessions } = parts;

  return {
    async start(input, origin) {
      const { clientName, host } = parseInput(startDeviceLoginInput, input);
      limiter.begin({ kind: 'DEVICE_START', account: null, address: origin.ip });
      for (let tries = 1; ; tries += 1) {
        const deviceCode = makeSecret(random, DEVICE_CODE_PREFIX);
        const userCode = randomUserCode(random);
        const createdAt = clock.now();
        const expiresAt = new Date(createdAt.getTime() + LIFE_MS);
        try {
          await db.prisma.deviceLogin.create({
            data: {
              id: ids.next(),
              deviceCodeHash: sha256Hex(deviceCode),
              userCodeHash: sha256Hex(userCode),
              clientName,
              host,
              ip: origin.ip,
              createdAt,
              expiresAt,
            },
          });
          return {
            deviceCode,
            userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}`,
            verificationUrl: `${parts.publicUrl}/device`,
            expiresAt,
            intervalSeconds: POLL_INTERVAL_SECONDS,
          };
        } catch (error) {
          if (tries >= START_TRIES || !isUniqueViolation(error)) throw error;
        }
      }
    },

    async lookUp(viewer, userCode, origin) {
      return present(await findOpen(requirePortal(viewer), userCode, origin), clock.now());
    },

    async confirm(viewer, input, origin) {
      const developer = requirePortal(viewer);
      const { userCode, approve } = parseInput(confirmDeviceLoginInput, input);
      const open = await findOpen(developer, userCode, origin);
      const state = approve ? 'CONFIRMED' : 'DENIED';
      await work(async ({ tx, audit }) => {
        const { count } = await tx.deviceLogin.updateMany({
          where: { id: open.id, state: 'PENDING', expiresAt: { gt: clock.now() } },
          data: { state, developerId: developer.developerId },
        });
        if (count === 0) throw unknownUserCode();
        audit({
          ...actorOf(viewer, origin),
          action: approve ? 'device_login.confirm' : 'device_login.deny',
          resourceType: 'device_login',
          resourceId: open.id,
          details: { clientName: open.clientName, host: open.host, ip: open.ip },
        });
      });
      return { request: { ...present(open, clock.now()), state } };
    },

    async poll(input, origin) {
      const { deviceCode } = parseInput(pollDeviceLoginInput, input);
      const found = await db.prisma.deviceLogin.findUnique({ where: { deviceCodeHash: sha256Hex(deviceCode) } });
      if (found === null || found.state === 'USED') {
        throw new DomainError(
          'DEVICE_CODE_UNKNOWN',
          'This sign-in is not known or was used already. Run `mosis login` again.',
        );
      }
      const now = clock.now();
      if (found.state === 'DENIED') return { state: 'DENIED', token: null, viewer: null };
      if (found.expiresAt <= now) return { state: 'EXPIRED', token: null, viewer: null };
      await takePollTurn(found.id, now);
      if (found.state !== 'CONFIRMED' || found.developerId === null)
        return { state: 'PENDING', token: null, viewer: null };
      return claim(found.id, found.developerId, origin);
    },

    async sweep() {
      const longAgo = new Date(clock.ms() - 60 * 60_000);
      await db.prisma.deviceLogin.deleteMany({ where: { expiresAt: { lt: longAgo } } });
    },
  };

  /** The pending request behind a typed code; the try is counted before the look-up, so that parallel ones count too. */
  async function findOpen(viewer: DeveloperViewer, userCode: string, origin: Origin): Promise<Row> {
    const attempt = limiter.begin({ kind: 'DEVICE_CODE', account: viewer.developerId, address: origin.ip });
    const code = normaliseUserCode(userCode);
    const found =
      code === null ? null : await db.prisma.deviceLogin.findUnique({ where: { userCodeHash: sha256Hex(code) } });
    if (found === null || found.state !== 'PENDING' || found.expiresAt <= clock.now()) throw unknownUserCode();
    attempt.succeeded();
    return found;
  }

  /** At most one poll in five seconds goes on, however many arrive at once. */
  async function takePollTurn(id: string, now: Date): Promise<void> {
    const longEnoughAgo = new Date(now.getTime() - POLL_INTERVAL_SECONDS * 1000 + POLL_TOLERANCE_MS);
    const { count } = await db.prisma.deviceLogin.updateMany({
      where: { id, OR: [{ lastPolledAt: null }, { lastPolledAt: { lte: longEnoughAgo } }] },
      data: { lastPolledAt: now },
    });
    if (count > 0) return;
    throw new DomainError('SLOW_DOWN', `Ask at most every ${POLL_INTERVAL_SECONDS} seconds.`, {
      retryAfterSeconds: POLL_INTERVAL_SECONDS,
    });
  }

  async function claim(id: string, developerId: string, origin: Origin): Promise<PolledDeviceLogin> {
    return work(async ({ tx, audit }) => {
      const { count } = await tx.deviceLogin.updateMany({ where: { id, state: 'CONFIRMED' }, data: { state: 'USED' } });
      const login = await tx.deviceLogin.findUnique({ where: { id }, include: { developer: true } });
      const developer = login?.developer;
      if (count === 0 || !login || !developer || developer.status !== 'ACTIVE') {
        throw new DomainError(
          'DEVICE_CODE_UNKNOWN',
          'This sign-in is not known or was used already. Run `mosis login` again.',
        );
      }
      const label = `${login.clientName} on ${login.host}`;
      const session = await sessions.create(tx, { developerId, kind: 'CLI', label, origin });
      const viewer = viewerOf(developer, { kind: 'CLI', id: session.publicId, expiresAt: session.expiresAt });
      audit({
        ...actorOf(viewer, origin),
        action: 'account.sign_in',
        resourceType: 'session',
        resourceId: session.publicId,
        details: { label },
      });
      return { state: 'CONFIRMED', token: session.token, viewer };
    });
  }
}

/** The eight characters as stored: any case, hyphens and spaces as people type them; null when it cannot be a code. */
export function normaliseUserCode(text: string): string | null {
  const code = text.toUpperCase().replace(/[\s-]/g, '');
  const possible = code.length === USER_CODE_LENGTH && [...code].every((letter) => USER_CODE_ALPHABET.includes(letter));
  return possible ? code : null;
}

function unknownUserCode(): DomainError {
  return new DomainError(
    'DEVICE_CODE_UNKNOWN',
    'This code is not known, has expired or was used. Compare it with the one in the terminal.',
  );
}

function present(row: Row, now: Date): DeviceLoginRequest {
  const { id, clientName, host, ip, createdAt, expiresAt } = row;
  return { id, clientName, host, ip, state: stateOf(row, now), createdAt, expiresAt };
}

function stateOf(row: Row, now: Date): DeviceLoginState {
  if (row.state === 'DENIED') return 'DENIED';
  if (row.state === 'CONFIRMED' || row.state === 'USED') return 'CONFIRMED';
  return row.expiresAt <= now ? 'EXPIRED' : 'PENDING';
}
