/** Owns rollouts and rollbacks as a whole, put together from their parts: the only writer of their rows. */
import type { Database } from '../platform/db/database.ts';
import { createChanges } from './changes.ts';
import { createOpening } from './opening.ts';
import { createRamp } from './ramp.ts';
import { createRollback, type RollbackOptions } from './rollback.ts';
import { createWatch } from './watch.ts';

export interface RolloutsOptions extends RollbackOptions {
  readonly db: Pick<Database, 'prisma'>;
}

export type Rollouts = ReturnType<typeof createRollouts>;

/** What edges, publication, the guard and the schedule call. */
export function createRollouts(options: RolloutsOptions) {
  return {
    ...createOpening(options),
    ...createChanges(options),
    ...createRollback(options),
    ...createRamp(options),
    ...createWatch(options),
  };
}
