/** Owns what the operator command asks of an installation, answered in this process. Rules are those of the services. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OPERATOR_ACTOR } from '../audit/actor.ts';
import { notFound } from '../errors.ts';
import type { Rescan } from '../generated/prisma/client.ts';
import { JOB_STATES } from '../jobs/types.ts';
import type { Database } from '../platform/db/database.ts';
import type { Services } from '../services.ts';
import { RESCAN_STATES } from '../validation/rescan-parts.ts';
import type { OperatorAnswers, OperatorRequest, RequestOf, RescanAnswer, RootAnswer } from './operator-protocol.ts';
import { PLATFORM_VERSION } from './version.ts';

const MAX_ROWS = 50;
/** Characters of a job's error that a table has room for. */
const MAX_ERROR_CHARS = 300;

interface DeskOptions {
  readonly services: Pick<
    Services,
    'accounts' | 'appModeration' | 'jobDesk' | 'metadata' | 'rescans' | 'retention' | 'telemetry' | 'work'
  >;
  readonly db: Database;
  readonly dataDir: string;
  readonly publicUrl: string;
  readonly startedAt: Date;
}

/** Answers one request. Throws DomainError for what the operator can mend. */
export type OperatorDesk = (request: OperatorRequest) => Promise<OperatorAnswers[OperatorRequest['command']]>;

export function createOperatorDesk(options: DeskOptions): OperatorDesk {
  const { services, db } = options;
  const acts: {
    readonly [Command in OperatorRequest['command']]: (
      request: RequestOf<Command>,
    ) => Promise<OperatorAnswers[Command]>;
  } = {
    status: () => status(options),
    rescan: async () => rescanOf(await services.rescans.start('OPERATOR')),
    async rescans({ id }) {
      if (id === null) return (await services.rescans.list(MAX_ROWS)).map(rescanOf);
      const rescan = await services.rescans.find(id);
      if (rescan === null) throw notFound('The rescan');
      return [rescanOf(rescan)];
    },
    cancelRescan: async ({ id }) => rescanOf(await services.rescans.cancel('OPERATOR', id)),
    jobs: ({ state }) => jobs(db, state),
    async retry({ id }) {
      await services.jobDesk.retry('OPERATOR', id);
      return { id };
    },
    role: (given) => services.accounts.operator.setRole(given),
    resetPassword: ({ email }) => services.accounts.operator.resetPassword(email),
    async suspendApp({ packageId, reason }) {
      const { status: now } = await services.appModeration.suspend('OPERATOR', { packageId }, reason);
      return { packageId, status: now };
    },
    async reinstateApp({ packageId, reason }) {
      const { status: now } = await services.appModeration.reinstate('OPERATOR', { packageId }, reason);
      return { packageId, status: now };
    },
    async settings() {
      const rows = await db.prisma.setting.findMany({ orderBy: { key: 'asc' } });
      return rows.map(({ key, value, updatedAt }) => ({ key, value, updatedAt: updatedAt.toISOString() }));
    },
    async startRetention({ dryRun }) {
      return { key: await services.retention.start(dryRun), policy: await services.retention.policy() };
    },
    async retention({ key }) {
      const found = await services.retention.find(key);
      if (found === null) throw notFound('The run');
      const state = JOB_STATES.find((known) => known === found.state) ?? 'DEAD';
      return { ...found, state, lastError: found.lastError?.slice(0, MAX_ERROR_CHARS) ?? null };
    },
    // Files and a database have no common transaction: the change is noted after it.
    async rotateTelemetrySecret() {
      const secrets = await services.telemetry.rotateSecret();
      await services.work(async (unit) =>
        unit.audit({
          ...OPERATOR_ACTOR,
          action: 'admin.rotate_telemetry_secret',
          resourceType: 'installation',
          details: { secrets },
        }),
      );
      return { secrets };
    },
    async noteBackup({ folder, bytes, files }) {
      await services.work(async (unit) =>
        unit.audit({
          ...OPERATOR_ACTOR,
          action: 'admin.backup',
          resourceType: 'installation',
          details: { folder, bytes, files },
        }),
      );
      return { noted: true };
    },
    rootStatus: () => rootOf(services),
    async prepareRoot({ change, keys, threshold, roles }) {
      const { draft } = await services.metadata.root.prepare({ change, keys, threshold, roles });
      const root = await rootOf(services);
      await noteRoot(services, draft === null ? 'admin.change_root' : 'admin.prepare_root', root, { change, roles });
      return { ...root, draft };
    },
    async publishRoot({ file }) {
      await services.metadata.root.publish(file);
      const root = await rootOf(services);
      await noteRoot(services, 'admin.change_root', root, { change: 'PUBLISH' });
      return root;
    },
    async importRoots({ files }) {
      await services.metadata.root.restore(files);
      const root = await rootOf(services);
      await noteRoot(services, 'admin.change_root', root, { change: 'IMPORT' });
      return root;
    },
  };
  // The union of requests meets the union of acts: each request's command names its own act.
  return (request) => (acts[request.command] as (given: OperatorRequest) => ReturnType<OperatorDesk>)(request);
}

async function status({
  db,
  services,
  dataDir,
  publicUrl,
  startedAt,
}: DeskOptions): Promise<OperatorAnswers['status']> {
  const { prisma } = db;
  const [accounts, publishedApps, versions, reviewsWaiting, jobRows, running, setupNeeded, file] = await Promise.all([
    prisma.developer.count({ where: { status: 'ACTIVE' } }),
    prisma.app.count({ where: { status: 'PUBLISHED' } }),
    prisma.appVersion.count(),
    prisma.review.count({ where: { state: { in: ['QUEUED', 'CLAIMED'] } } }),
    prisma.job.groupBy({ by: ['state'], _count: true }),
    prisma.rescan.findFirst({ where: { state: 'RUNNING' } }),
    services.accounts.setup.needed(),
    stat(join(dataDir, 'core.db')),
  ]);
  return {
    version: PLATFORM_VERSION,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    publicUrl,
    databaseBytes: file.size,
    accounts,
    publishedApps,
    versions,
    reviewsWaiting,
    jobs: Object.fromEntries(jobRows.map((row) => [row.state, row._count])),
    setupNeeded,
    rescan: running === null ? null : rescanOf(running),
    metadata: await rootOf(services),
  };
}

async function rootOf({ metadata }: DeskOptions['services']): Promise<RootAnswer> {
  const { root, online, timestampExpires, warnings } = await metadata.health();
  return {
    root: { ...root, keys: [...root.keys], expires: root.expires.toISOString() },
    online: [...online],
    timestampExpires: timestampExpires?.toISOString() ?? null,
    warnings: [...warnings],
  };
}

/** Files and a database have no common transaction: what was done to the root is noted after it. */
async function noteRoot(
  { work }: DeskOptions['services'],
  action: 'admin.change_root' | 'admin.prepare_root',
  { root }: RootAnswer,
  details: { readonly change: string; readonly roles?: string[] },
): Promise<void> {
  await work(async (unit) =>
    unit.audit({
      ...OPERATOR_ACTOR,
      action,
      resourceType: 'root',
      details: { ...details, version: root.version, threshold: root.threshold, keys: root.keys },
    }),
  );
}

async function jobs(db: Database, state: string | null): Promise<OperatorAnswers['jobs']> {
  const rows = await db.prisma.job.findMany({
    // What is done is of interest to nobody who did not ask for it.
    where: state === null ? { state: { not: 'DONE' } } : { state },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: MAX_ROWS,
  });
  return rows.map(({ id, kind, key, attempt, maxAttempts, createdAt, progress, lastError, ...row }) => ({
    ...{ id, kind, key, attempt, maxAttempts, progress },
    state: row.state,
    createdAt: createdAt.toISOString(),
    lastError: lastError?.slice(0, MAX_ERROR_CHARS) ?? null,
  }));
}

function rescanOf(rescan: Rescan): RescanAnswer {
  const { id, ruleset, total, checked, flagged, crashed } = rescan;
  return {
    ...{ id, ruleset, total, checked, flagged, crashed },
    state: RESCAN_STATES.find((known) => known === rescan.state) ?? 'FAILED',
    startedAt: rescan.startedAt.toISOString(),
    finishedAt: rescan.finishedAt?.toISOString() ?? null,
  };
}
