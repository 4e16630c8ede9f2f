/** Owns the step from a request's headers to the viewer. Who may do what is not decided here. */
import type { Viewer } from '../accounts/viewer.ts';

export interface Credentials {
  /** The Cookie header, or undefined where cookies do not count (no matching Origin). */
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
  readonly address: string;
  readonly userAgent: string | null;
  /** Called with a Set-Cookie value when the session was prolonged or ended. */
  readonly onRefreshedCookie?: (cookie: string) => void;
}

export interface ViewerResolver {
  /**
   * The viewer behind the credentials. Nothing given, or a cookie that no longer counts: anonymous. An Authorization
   * header that proves nothing throws UNAUTHENTICATED.
   */
  resolve(credentials: Credentials): Promise<Viewer>;
  /** Whether what the viewer came with still counts, and with the same roles: looked up anew by id. */
  standing(viewer: Viewer): Promise<'live' | 'ended' | 'changed'>;
}
