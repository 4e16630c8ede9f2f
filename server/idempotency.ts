/**
 * Owns the memory of repeated writes: the same key with the same input gets the first answer, in the transaction of the
 * write itself, so that a crash can not lose one and keep the other.
 */
import { createHash } from 'node:crypto';
import type { Viewer } from './accounts/viewer.ts';
import { DomainError } from './errors.ts';
import type { Clock } from './platform/clock.ts';
import type { Database } from './platform/db/database.ts';
import type { Unit } from './unit-of-work.ts';

/** How long a first answer is kept. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;
const MAX_KEY_CHARS = 128;

export interface RepeatableWrite {
  readonly viewer: Viewer;
  /** Null or absent: the write is not repeatable. */
  readonly key: string | null | undefined;
  readonly operation: string;
  readonly input: unknown;
}

/** Runs `act`, which answers an id, once for each (viewer, key). Throws IDEMPOTENCY_KEY_REUSED for another input. */
export async function once(
  unit: Unit,
  clock: Clock,
  write: RepeatableWrite,
  act: () => Promise<string>,
): Promise<{ id: string; repeated: boolean }> {
  const { viewer, key, operation, input } = write;
  if (key === null || key === undefined || viewer.kind === 'anonymous') return { id: await act(), repeated: false };
  if (key.length < 1 || key.length > MAX_KEY_CHARS) {
    throw new DomainError('VALIDATION', `input.idempotencyKey must have 1 to ${MAX_KEY_CHARS} characters.`, {
      fields: [{ path: 'input.idempotencyKey', message: `must have 1 to ${MAX_KEY_CHARS} characters` }],
    });
  }
  // An API key is a viewer of its own: it may do less than its developer, and so be told less.
  const { credential } = viewer;
  const owner = credential.kind === 'API_KEY' ? `key:${credential.id}` : `developer:${viewer.developerId}`;
  const inputHash = createHash('sha256')
    .update(JSON.stringify([operation, input]))
    .digest('hex');
  const known = await unit.tx.idempotencyKey.findUnique({ where: { owner_key: { owner, key } } });
  if (known !== null && known.createdAt.getTime() > clock.ms() - IDEMPOTENCY_MS) {
    if (known.inputHash !== inputHash) {
      throw new DomainError(
        'IDEMPOTENCY_KEY_REUSED',
        'This idempotency key was used with another input. Use a new key for another act.',
      );
    }
    return { id: known.result as string, repeated: true };
  }
  const id = await act();
  const facts = { operation, inputHash, result: id, createdAt: clock.now() };
  await unit.tx.idempotencyKey.upsert({
    where: { owner_key: { owner, key } },
    update: facts,
    create: { owner, key, ...facts },
  });
  return { id, repeated: false };
}

/** Forgets answers that are too old to be given again. */
export async function sweepIdempotencyKeys(db: Database, clock: Clock): Promise<void> {
  const before = new Date(clock.ms() - IDEMPOTENCY_MS);
  await db.transaction((tx) => tx.idempotencyKey.deleteMany({ where: { createdAt: { lte: before } } }));
}
