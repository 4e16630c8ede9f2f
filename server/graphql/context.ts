/** Owns what every resolver gets: who asks, over what, and the features' services. */
import type { Viewer } from '../accounts/viewer.ts';
import type { Database } from '../platform/db/database.ts';
import type { Log } from '../platform/log.ts';
import type { Services } from '../services.ts';

/** The request behind an operation, as far as resolvers and services may know it. */
export interface Caller {
  readonly requestId: string;
  /** Client address after trusted proxies. */
  readonly ip: string;
  readonly userAgent: string | null;
  /** `http` may read and write; `socket` may read and subscribe. */
  readonly transport: 'http' | 'socket';
}

/** Lets a mutation set or clear the session cookie; over a socket there is none to set. */
export interface CookieJar {
  set(cookie: string): void;
}

export interface GraphContext {
  readonly viewer: Viewer;
  readonly services: Services;
  readonly db: Database;
  /** Not `request`: Yoga puts its own there. */
  readonly caller: Caller;
  readonly cookies: CookieJar;
  readonly log: Log;
  /** The public origin, for building URLs. */
  readonly publicUrl: string;
}
