/** Owns the list of what the parts of this feature are given. */
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Work } from '../unit-of-work.ts';
import type { LoginLimit } from './login-limit.ts';
import type { Passwords } from './passwords.ts';
import type { RandomBytes } from './secrets.ts';
import type { Sessions } from './sessions.ts';

/** Each part takes the ones it needs. */
export interface AccountParts {
  readonly work: Work;
  /** Reads, and single writes of their own. */
  readonly db: Pick<Database, 'prisma'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: RandomBytes;
  readonly limiter: LoginLimit;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
}
