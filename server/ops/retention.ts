/** Owns how long the core database keeps what nobody needs for ever: done jobs, deliveries to webhooks, addresses in the audit log. */
import type { Audit } from '../audit/service.ts';
import type { Jobs } from '../jobs/service.ts';
import type { Notifications } from '../notifications/service.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';

const DAY_MS = 86_400_000;
/** Done jobs are of interest for a while; schedules alone make over a thousand a day. */
export const JOB_DAYS = 3;
/** docs/ARCHITECTURE.md, Permissions and audit: IP and user agent are blanked after this. */
export const AUDIT_ADDRESS_DAYS = 180;

/** What webhooks were sent can be looked at, and sent again, for so long. */
export const DELIVERY_DAYS = 30;

interface RetentionOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly jobs: Pick<Jobs, 'prune'>;
  readonly audit: Pick<Audit, 'blankAddresses'>;
  readonly deliveries: Pick<Notifications, 'prune'>;
}

/** Forgets jobs and deliveries that ended long ago and blanks old addresses in the audit log; repeating it does nothing. */
export async function forgetOld({ db, clock, jobs, audit, deliveries }: RetentionOptions): Promise<void> {
  const before = (days: number) => new Date(clock.ms() - days * DAY_MS);
  await db.transaction(async (tx) => {
    await jobs.prune(tx, before(JOB_DAYS));
    await deliveries.prune(tx, before(DELIVERY_DAYS));
    await audit.blankAddresses(tx, before(AUDIT_ADDRESS_DAYS));
  });
}
