/** Owns the step from what a request shows (cookie or Authorization) to the viewer, and whether that still counts later. */
import { DomainError } from '../errors.ts';
import { API_KEY_PREFIX, type ApiKeys } from './api-keys.ts';
import type { AccountParts } from './dependencies.ts';
import { CLI_TOKEN_PREFIX } from './sessions.ts';
import { ANONYMOUS, type Credential, type DeveloperIdentity, type Origin, type Viewer, viewerOf } from './viewer.ts';

/** What a request shows. */
export interface ShownCredentials {
  /** Client address after trusted proxies. */
  readonly address: string | null;
  readonly userAgent: string | null;
  /** The Cookie header; undefined where there is none or where cookies do not count (no matching Origin). */
  readonly cookie: string | undefined;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Called with a Set-Cookie value that takes away a cookie which no longer counts. */
  readonly onRefreshedCookie?: (cookie: string) => void;
}

/** LIVE; CHANGED: still an account, but with other roles than the viewer was made with; ENDED: revoked, expired or suspended. */
export const LIVENESSES = ['LIVE', 'CHANGED', 'ENDED'] as const;
export type Liveness = (typeof LIVENESSES)[number];

export interface Credentials {
  /**
   * The viewer. Authorization (`Bearer` with an API key or a CLI session) comes before the cookie and throws
   * UNAUTHENTICATED when it proves nothing; a cookie that proves nothing is anonymous.
   */
  resolve(shown: ShownCredentials): Promise<Viewer>;
  /** What became of the viewer's credential, looked up by its id; a visitor is always LIVE. */
  liveness(viewer: Viewer): Promise<Liveness>;
  /** Whether the viewer's credential still counts with the same roles. */
  isLive(viewer: Viewer): Promise<boolean>;
  /** Whether the credential still counts for an active account, whatever its roles. */
  isCredentialLive(credential: Credential): Promise<boolean>;
}

/** Makes the credentials' part of the account service. */
export function createCredentials(
  { db, clock, sessions }: Pick<AccountParts, 'db' | 'clock' | 'sessions'>,
  apiKeys: Pick<ApiKeys, 'authenticate'>,
): Credentials {
  return {
    async resolve(shown) {
      const origin: Origin = { ip: shown.address, userAgent: shown.userAgent };
      if (shown.authorization !== undefined) return resolveBearer(shown.authorization, origin);
      const token = shown.cookie === undefined ? null : sessions.readCookie(shown.cookie);
      if (token === null) return ANONYMOUS;
      const viewer = await sessions.validate(token, 'PORTAL', origin);
      if (viewer === null) shown.onRefreshedCookie?.(sessions.blankCookie());
      return viewer ?? ANONYMOUS;
    },
    liveness,
    isLive: async (viewer) => (await liveness(viewer)) === 'LIVE',
    async isCredentialLive(credential) {
      return (await ownerOf(credential)) !== null;
    },
  };

  async function liveness(viewer: Viewer): Promise<Liveness> {
    if (viewer.kind === 'anonymous') return 'LIVE';
    const owner = await ownerOf(viewer.credential);
    if (owner === null || owner.id !== viewer.developerId) return 'ENDED';
    const now = viewerOf(owner, viewer.credential);
    return now.reviewer === viewer.reviewer && now.admin === viewer.admin ? 'LIVE' : 'CHANGED';
  }

  async function resolveBearer(authorization: string, origin: Origin): Promise<Viewer> {
    const token = /^Bearer +([\w-]{1,128})$/i.exec(authorization)?.[1];
    if (token?.startsWith(API_KEY_PREFIX)) return apiKeys.authenticate(token);
    const viewer = token?.startsWith(CLI_TOKEN_PREFIX) ? await sessions.validate(token, 'CLI', origin) : null;
    if (viewer !== null) return viewer;
    throw new DomainError(
      'UNAUTHENTICATED',
      'The Authorization header proves nothing: the session has ended or is not known. Run `mosis login`.',
    );
  }

  /** The active account behind a credential that still counts, or null. */
  async function ownerOf(credential: Credential): Promise<DeveloperIdentity | null> {
    const now = clock.now();
    if (credential.kind === 'API_KEY') {
      const key = await db.prisma.apiKey.findUnique({ where: { id: credential.id }, include: { developer: true } });
      if (key === null || key.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= now)) return null;
      return key.developer.status === 'ACTIVE' ? key.developer : null;
    }
    const session = await db.prisma.session.findUnique({
      where: { publicId: credential.id },
      include: { developer: true },
    });
    if (session === null || session.expiresAt <= now || session.absoluteExpiresAt <= now) return null;
    return session.developer.status === 'ACTIVE' ? session.developer : null;
  }
}
