/** Owns the wiring of notifications: the reader of the event log, webhooks and their deliveries, mails. The rules are in its parts. */
import { randomBytes } from 'node:crypto';
import type { Events } from '../events/service.ts';
import type { Jobs } from '../jobs/service.ts';
import { PLATFORM_VERSION } from '../ops/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Mailer } from '../platform/mail/mail.ts';
import type { Work } from '../unit-of-work.ts';
import { createDeliveries, LANES, SLOW_LANES } from './deliveries.ts';
import { createDeliveryRows, DELIVER_KIND, DELIVER_SLOW_KIND } from './delivery-rows.ts';
import { createMails, MAIL_KIND } from './mails.ts';
import { createPost, type Post } from './post.ts';
import { createReader, type Reader } from './reader.ts';
import { loadSeal } from './seal.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

const MAILS_AT_ONCE = 4;
const MAIL_RUN_MS = 2 * 60_000;

export interface Notifications {
  readonly webhooks: Webhooks;
  readonly reader: Reader;
  /** Looks after deliveries that lost their job; for housekeeping. */
  sweep(): Promise<void>;
  /** Forgets deliveries made before `before`; returns how many. */
  prune(tx: Tx, before: Date): Promise<number>;
}

interface NotificationsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly events: Events;
  readonly jobs: Pick<Jobs, 'register'>;
  readonly log: { info(details: object, message: string): void; error(details: object, message: string): void };
  readonly mailer: Mailer;
  readonly publicUrl: string;
  /** Holds `webhooks.key`. */
  readonly keysDir: string;
  /** Development: webhooks of this machine, without TLS. */
  readonly allowLoopback: boolean;
  readonly post?: Post;
}

/** Puts the parts together and registers their jobs; makes the key of webhook secrets where there is none. */
export async function createNotifications(options: NotificationsOptions): Promise<Notifications> {
  const { db, work, clock, ids, events, jobs, log, mailer, publicUrl, keysDir, allowLoopback } = options;
  const seal = await loadSeal(keysDir);
  const mails = createMails({ db, clock, events, mailer, publicUrl });
  const rows = createDeliveryRows({ db, clock, ids, tellDisabled: mails.enqueueDisabled });
  const deliveries = createDeliveries({
    db,
    work,
    clock,
    rows,
    seal,
    post: options.post ?? createPost(),
    allowLoopback,
    userAgent: `Mosis/${PLATFORM_VERSION} (${publicUrl})`,
  });
  const { add: addDeliveries, giveUpPending } = rows;
  jobs.register(DELIVER_KIND, { handler: deliveries.handleJob, concurrency: LANES });
  jobs.register(DELIVER_SLOW_KIND, { handler: deliveries.handleJob, concurrency: SLOW_LANES });
  jobs.register(MAIL_KIND, { handler: mails.handleJob, concurrency: MAILS_AT_ONCE, maxRunMs: MAIL_RUN_MS });
  return {
    webhooks: createWebhooks({
      work,
      clock,
      ids,
      random: randomBytes,
      seal,
      allowLoopback,
      addDeliveries,
      giveUpPending,
    }),
    reader: createReader({ db, work, clock, ids, events, log, mails, addDeliveries }),
    sweep: deliveries.wakeOverdue,
    prune: rows.prune,
  };
}
