/** Owns the core database that tests of crash triage need: an app with its members, published versions, the real unit of work. */
import { createAudit } from '../../server/audit/service.ts';
import { createEvents } from '../../server/events/service.ts';
import { createJobs } from '../../server/jobs/service.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createCrashRegressions } from '../../server/telemetry/crash-regressions.ts';
import { createCrashTriage } from '../../server/telemetry/crash-triage.ts';
import { createUnitOfWork } from '../../server/unit-of-work.ts';
import type { TestDatabase } from '../support/database.ts';
import { APP, START, type Stand } from './stand.ts';

/** An app of `owner`, seen by `viewer`, with nothing to do with `stranger`. */
export async function populate({ db: { prisma } }: TestDatabase): Promise<void> {
  for (const id of ['owner', 'viewer', 'stranger']) {
    await prisma.developer.create({
      data: { id, email: `${id}@example.com`, name: id, createdAt: START, updatedAt: START },
    });
  }
  const members = [
    { developerId: 'owner', role: 'OWNER', createdAt: START },
    { developerId: 'viewer', role: 'VIEWER', createdAt: START },
  ];
  await prisma.app.create({
    data: {
      id: APP.id,
      packageId: APP.packageId,
      name: 'Notes',
      tags: [],
      createdAt: START,
      updatedAt: START,
      developer: { connect: { id: 'owner' } },
      members: { create: members },
    },
  });
}

/** Puts a version into the core database as published. */
export async function publish({ db }: TestDatabase, versionCode: number, versionName: string): Promise<void> {
  await db.prisma.appVersion.create({
    data: {
      id: `version-${versionCode}`,
      appId: APP.id,
      versionCode,
      versionName,
      state: 'PUBLISHED',
      claimedCode: versionCode,
      packageSize: 1_000,
      packageSha256: '0'.repeat(64),
      unpackedSize: 1_000,
      manifest: {},
      permissions: [],
      minMosisVersion: '1.0.0',
      reviewReasons: [],
      uploadedById: 'owner',
      createdAt: START,
      updatedAt: START,
      publishedAt: START,
    },
  });
}

/** The feature over the stand's telemetry and clock. */
export function triageOf({ db }: TestDatabase, stand: Stand) {
  const { clock } = stand;
  const ids = createIds(clock);
  const log = { info() {}, warn() {}, error() {} };
  const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}), pollMs: 1_000 });
  const jobs = createJobs({ db, clock, ids, log });
  const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log });
  const given = { db, work, clock, telemetry: stand.telemetry };
  return { triage: createCrashTriage(given), regressions: createCrashRegressions(given) };
}
