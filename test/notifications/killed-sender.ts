// Owns the process that the senders' test kills: it makes events without end, tells them and sends them.
import { createAudit } from '../../server/audit/service.ts';
import { createEvents } from '../../server/events/service.ts';
import { createJobs } from '../../server/jobs/service.ts';
import { createNotifications } from '../../server/notifications/service.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import { openDatabase } from '../../server/platform/db/sqlite.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createUnitOfWork } from '../../server/unit-of-work.ts';
import { APP_ID } from './reader-stand.ts';

const [path = '', keysDir = '', makes = 'yes'] = process.argv.slice(2);
const quiet = { info() {}, warn() {}, error: console.error };
const db = await openDatabase({ path });
const ids = createIds(clock);
const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}) });
const jobs = createJobs({ db, clock, ids, log: quiet });
const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log: quiet });
const mailer = { send: async () => {} };
const given = { db, work, clock, ids, events, jobs, log: quiet, mailer, keysDir, allowLoopback: true };
const { reader } = await createNotifications({ ...given, publicUrl: 'http://localhost:4000' });

await reader.start();
await jobs.start({ alone: true });
for (;;) {
  if (makes === 'yes') await work(async (unit) => unit.emit({ type: 'SUBMITTED', appId: APP_ID, payload: {} }));
  await new Promise((resolve) => setTimeout(resolve, 20));
}
