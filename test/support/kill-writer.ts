// Owns the process that the kill test kills: it commits units of work without end and names each once it is committed.
import { createAudit } from '../../server/audit/service.ts';
import { createEvents } from '../../server/events/service.ts';
import { createJobs } from '../../server/jobs/service.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import { openDatabase } from '../../server/platform/db/sqlite.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createUnitOfWork } from '../../server/unit-of-work.ts';

const db = await openDatabase({ path: process.argv[2] ?? '' });
const ids = createIds(clock);
const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}) });
const jobs = createJobs({ db, clock, ids, log: console });
const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log: console });

async function writeWithoutEnd(writer: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const key = `${writer}-${n}`;
    await work(async (unit) => {
      await unit.tx.setting.create({ data: { key, value: n, updatedAt: clock.now() } });
      unit.emit({ type: 'SUBMITTED', appId: key });
      unit.audit({ actorId: null, via: 'SYSTEM', action: 'version.submit', resourceType: 'version', resourceId: key });
      unit.enqueue({ kind: 'check', key, payload: {} });
    });
    process.stdout.write(`${key}\n`);
  }
}

await Promise.all([0, 1, 2, 3].map(writeWithoutEnd));
