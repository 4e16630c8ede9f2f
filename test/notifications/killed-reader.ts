// Owns the process that the reader's test kills: it makes events without end and tells them, and writes a line for each few that it made.
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

const [path = '', keysDir = ''] = process.argv.slice(2);
const db = await openDatabase({ path });
const ids = createIds(clock);
const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}) });
const jobs = createJobs({ db, clock, ids, log: console });
const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log: console });
const mailer = { send: async () => {} };
const given = { db, work, clock, ids, events, jobs, log: console, mailer, keysDir, allowLoopback: true };
const { reader } = await createNotifications({ ...given, publicUrl: 'http://localhost:4000' });

/** Unevenly, so that the reader now runs after them, now waits for them. */
async function makeEvents(): Promise<void> {
  for (let round = 0; ; round += 1) {
    await work(async (unit) => {
      for (let count = 0; count < 3; count += 1) unit.emit({ type: 'APPROVED', appId: APP_ID, payload: {} });
    });
    process.stdout.write(`${round}\n`);
    if (round % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function tell(): Promise<void> {
  for (;;) {
    await reader.catchUp();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

await Promise.all([makeEvents(), tell()]);
