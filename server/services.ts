/** Owns the wiring of the features, in dependency order. It decides nothing and starts nothing. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { RULE_SET_VERSION } from '../format/checks/registry.ts';
import { type Accounts, createAccounts } from './accounts/service.ts';
import { type AppModeration, createAppModeration } from './apps/moderation.ts';
import { createScreenshots, SCREENSHOT_JOB, type Screenshots } from './apps/screenshots.ts';
import { type Apps, createApps } from './apps/service.ts';
import { SYSTEM_ACTOR } from './audit/actor.ts';
import { createAudit } from './audit/service.ts';
import type { Config } from './config.ts';
import { createDeltas } from './distribution/deltas/service.ts';
import { isListed } from './distribution/metadata/bin-targets.ts';
import { createMetadataService, type MetadataService } from './distribution/metadata/service.ts';
import { loadPlatformKey, type PlatformKey } from './distribution/platform-key.ts';
import { createEvents, type Events } from './events/service.ts';
import { sweepIdempotencyKeys } from './idempotency.ts';
import { createJobs, type Jobs } from './jobs/service.ts';
import { createKnownIssues, type KnownIssues } from './known-issues/service.ts';
import { createNotifications, type Notifications } from './notifications/service.ts';
import { mayReachLoopback } from './notifications/target.ts';
import { createJobDesk, type JobDesk } from './ops/job-desk.ts';
import { forgetOld } from './ops/retention.ts';
import type { FolderBlobs } from './platform/blobs/blobs.ts';
import type { Clock } from './platform/clock.ts';
import type { SqliteDatabase } from './platform/db/sqlite.ts';
import type { Ids } from './platform/ids.ts';
import type { Log } from './platform/log.ts';
import type { Mailer } from './platform/mail/mail.ts';
import type { PubSub } from './platform/pubsub/pubsub.ts';
import { createReviews, type Reviews } from './reviews/service.ts';
import { REVIEW_SETTINGS } from './reviews/settings.ts';
import { createRolloutGuard } from './rollouts/guard.ts';
import { GUARD_SETTINGS } from './rollouts/guard-settings.ts';
import { createRollouts, type Rollouts } from './rollouts/service.ts';
import { createSettings, type Settings } from './settings/service.ts';
import { createSqliteStoreQueries } from './store/queries-sqlite.ts';
import { createStore, type Store } from './store/service.ts';
import { createCrashRegressions, REGRESSIONS_JOB } from './telemetry/crash-regressions.ts';
import { type CrashTriage, createCrashTriage } from './telemetry/crash-triage.ts';
import { createKnownApps } from './telemetry/known-apps.ts';
import { telemetryThrottles } from './telemetry/rates.ts';
import { openReleaseSampler } from './telemetry/release-sample.ts';
import { readTelemetryRetention, TELEMETRY_RETENTION } from './telemetry/retention-settings.ts';
import { openTelemetrySecrets } from './telemetry/secret.ts';
import { createTelemetry, type Telemetry } from './telemetry/service.ts';
import { createUnitOfWork, type Work } from './unit-of-work.ts';
import { type CheckWorker, createCheckWorker } from './validation/check-worker.ts';
import { createProvenance } from './validation/provenance.ts';
import { createProvenanceQueries } from './validation/provenance-queries.ts';
import { createRescans, type Rescans } from './validation/rescan.ts';
import { createValidation } from './validation/service.ts';
import { createGate } from './versions/gate.ts';
import { fillMetadataBins } from './versions/metadata-bins.ts';
import { createPackageRetention, RETENTION_JOB, type RetentionRuns } from './versions/package-retention.ts';
import { PACKAGE_RETENTION } from './versions/package-retention-settings.ts';
import { refreshApp } from './versions/records.ts';
import { createVersions, type Versions } from './versions/service.ts';
import { createStoredPackages } from './versions/stored-packages.ts';
import { createUploads, type Uploads } from './versions/uploads.ts';

/** One rescan is one job, however many versions there are; its lease is renewed all the while. */
const RESCAN_RUN_MS = 14 * 86_400_000;
/** The first run over a large store removes a file for each old version. */
const RETENTION_RUN_MS = 86_400_000;
/** Of the seed of a rollout (docs/DEVICE_PROTOCOL.md). */
const SEED_BYTES = 32;

/** What the features stand on; chosen in app.ts. */
export interface Platform {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly db: SqliteDatabase;
  readonly blobs: FolderBlobs;
  readonly pubsub: PubSub;
  readonly mailer: Mailer;
}

/** Every feature's service, as edges and jobs use them. */
export interface Services {
  readonly accounts: Accounts;
  readonly apps: Apps;
  readonly appModeration: AppModeration;
  readonly versions: Versions;
  readonly rollouts: Rollouts;
  readonly knownIssues: KnownIssues;
  readonly uploads: Uploads;
  readonly screenshots: Screenshots;
  readonly reviews: Reviews;
  readonly rescans: Rescans;
  readonly retention: RetentionRuns;
  readonly settings: Settings;
  readonly notifications: Notifications;
  readonly store: Store;
  readonly telemetry: Telemetry;
  readonly crashTriage: CrashTriage;
  readonly events: Events;
  readonly jobs: Jobs;
  /** Ends what waits for a job that nobody will try again: called at a start, which may have given such jobs up. */
  concludeAbandoned(): Promise<void>;
  readonly jobDesk: JobDesk;
  readonly checks: CheckWorker;
  readonly platformKey: PlatformKey;
  readonly metadata: MetadataService;
  readonly work: Work;
  readonly limits: { readonly maxPackageBytes: number };
  /** Runs `listener` after each change that the public store shows. */
  onStoreChanged(listener: () => void): void;
}

/** Puts the features together; makes the platform's keys where there are none. */
export async function createServices(platform: Platform): Promise<Services> {
  const { config, clock, ids, log, db, blobs, pubsub, mailer } = platform;
  const storeListeners: (() => void)[] = [];
  const storeChanged = () => {
    for (const listener of storeListeners) listener();
  };
  const events = createEvents({ db, clock, pubsub });
  const jobs = createJobs({ db, clock, ids, log });
  const audit = createAudit({ clock, ids });
  const work = createUnitOfWork({ db, events, jobs, audit, log });
  const platformKey = await loadPlatformKey(join(config.dataDir, 'keys'));
  const metadata = await createMetadataService({
    db,
    clock,
    log,
    events,
    dataDir: config.dataDir,
    fillBins: () => fillMetadataBins(db),
  });
  const checks = createCheckWorker({
    maxPackageBytes: config.maxPackageBytes,
    ...(config.checkThreads === null ? {} : { threads: config.checkThreads }),
  });

  const accounts = createAccounts({
    work,
    db,
    clock,
    ids,
    config,
    onKeyCompromised: (unit, key, since) => versions.endForKey(unit, key.keyId, since),
  });
  const apps = createApps({ db, work, clock, ids, storeChanged });
  const appModeration = createAppModeration({
    work,
    clock,
    refresh: (tx, appId) => refreshApp(tx, clock, appId),
    storeChanged,
  });
  const reviews: Reviews = createReviews({ db, work, clock, ids, random: Math.random, versions: () => versions });
  const settings = createSettings({
    work,
    clock,
    ids,
    known: [REVIEW_SETTINGS, GUARD_SETTINGS, PACKAGE_RETENTION, TELEMETRY_RETENTION],
  });
  const packages = createStoredPackages({ db, blobs, clock, log });
  const versions: Versions = createVersions({
    work,
    clock,
    packages,
    signer: platformKey,
    cancelReviews: reviews.cancel,
    rollouts: () => rollouts,
    storeChanged,
  });
  const rollouts: Rollouts = createRollouts({
    db,
    work,
    clock,
    ids,
    newSeed: () => randomBytes(SEED_BYTES).toString('hex'),
    refreshApp: (tx, appId) => refreshApp(tx, clock, appId),
    publishAgain: versions.publishAgain,
    storeChanged,
  });
  const knownIssues = createKnownIssues({ db, work, clock, ids, storeChanged });
  storeListeners.push(knownIssues.forget);
  const uploads = createUploads({
    db,
    work,
    clock,
    ids,
    folder: join(config.dataDir, 'uploads'),
    maxPackageBytes: config.maxPackageBytes,
  });
  const provenance = createProvenance(createProvenanceQueries(db.raw));
  storeListeners.push(provenance.forget);
  const validation = createValidation({
    db,
    work,
    clock,
    ids,
    log,
    worker: checks,
    versions: {
      find: (tx, versionId) =>
        tx.appVersion.findUnique({ where: { id: versionId }, include: { app: { select: { packageId: true } } } }),
      packageFile: packages.fileOf,
      conclude: reviews.conclude,
    },
    contextChecks: [provenance.check],
  });
  const rescans = createRescans({
    db,
    work,
    clock,
    ids,
    log,
    worker: checks,
    contextChecks: [provenance.check],
    ruleset: String(RULE_SET_VERSION),
    packageFile: packages.fileOf,
    openReview: (unit, version) => reviews.openBeside(unit, version, { kind: 'RESCAN', reasons: ['RESCAN'] }),
  });
  const store = createStore(createSqliteStoreQueries(db.raw));
  const knownApps = createKnownApps(db);
  storeListeners.push(knownApps.forget);
  const telemetry = createTelemetry({
    dir: join(config.dataDir, 'telemetry'),
    secrets: await openTelemetrySecrets(join(config.dataDir, 'keys'), clock.now()),
    clock,
    log,
    throttles: telemetryThrottles(clock),
    apps: { resolvePackage: knownApps.resolve },
    updateNotes: knownIssues.forDevice,
    retention: () => readTelemetryRetention(db.prisma),
    noteDropped: ({ month, bytes }) =>
      work(async (unit) =>
        unit.audit({
          ...SYSTEM_ACTOR,
          action: 'telemetry.drop_month',
          resourceType: 'telemetry_month',
          resourceId: month,
          details: { bytes },
        }),
      ),
    noteTrimmed: ({ before, rows, crashGroups }) =>
      work(async (unit) =>
        unit.audit({
          ...SYSTEM_ACTOR,
          action: 'telemetry.drop_aggregates',
          resourceType: 'telemetry_aggregates',
          resourceId: before,
          details: { rows, crashGroups },
        }),
      ),
  });
  const crashTriage = createCrashTriage({ db, work, clock, telemetry });
  const crashRegressions = createCrashRegressions({ db, work, clock, telemetry });

  const notifications = await createNotifications({
    db,
    work,
    clock,
    ids,
    events,
    jobs,
    log,
    mailer,
    publicUrl: config.publicUrl,
    keysDir: join(config.dataDir, 'keys'),
    allowLoopback: mayReachLoopback(config.mode, config.publicUrl),
  });

  const screenshots = createScreenshots({
    db,
    work,
    clock,
    ids,
    log,
    blobs,
    worker: checks,
    uploadPath: uploads.pathOf,
    storeChanged,
  });
  const gate = createGate({ db, work, clock, log, blobs, worker: checks, uploads });
  jobs.register('gate-upload', { handler: gate.handleJob, concurrency: 4 });
  jobs.register(SCREENSHOT_JOB, { handler: screenshots.handleJob, concurrency: 2 });
  // More than there are threads: a small package is not kept waiting by large ones, whose checks take turns with its own.
  jobs.register('check-version', { handler: validation.handleJob, concurrency: 6 });
  const deltas = createDeltas({ db, blobs, clock, log, changed: storeChanged });
  jobs.register('make-deltas', { handler: deltas.handleJob });
  jobs.register('rescan', { handler: rescans.handleJob, maxRunMs: RESCAN_RUN_MS });
  /** Ends what waits for a job that nobody will try again. */
  const concludeAbandoned = async () => {
    await gate.refuseAbandoned();
    await screenshots.refuseAbandoned();
    await validation.concludeAbandoned();
  };
  jobs.register('housekeeping', {
    handler: async () => {
      await accounts.sweep();
      await concludeAbandoned();
      await rescans.failAbandoned();
      await uploads.sweep();
      await packages.sweep();
      await deltas.sweep();
      await screenshots.sweep();
      await sweepIdempotencyKeys(db, clock);
      await notifications.sweep();
      await forgetOld({ db, clock, jobs, audit, deliveries: notifications });
    },
  });
  jobs.register('carry-out-steps', {
    handler: async (_job, { signal }) => {
      await rollouts.carryOutSteps(signal);
    },
  });
  const retention = createPackageRetention({
    db,
    work,
    clock,
    ids,
    log,
    packages,
    isListed: (version, published) =>
      isListed(
        version,
        published.map((one) => ({ ...one, rollouts: one.rollouts.filter(({ state }) => state === 'COMPLETE') })),
      ),
    storeChanged,
  });
  jobs.register(RETENTION_JOB, { handler: retention.handleJob, maxRunMs: RETENTION_RUN_MS });
  const guard = createRolloutGuard({
    db,
    clock,
    log,
    openSampler: () => openReleaseSampler(join(config.dataDir, 'telemetry')),
    rollouts,
  });
  jobs.register('guard-rollouts', { handler: (_job, { signal }) => guard.run(signal) });
  jobs.register(REGRESSIONS_JOB, {
    handler: async (_job, { signal }) => {
      await crashRegressions.reopen(signal);
    },
  });
  jobs.register('release-claims', {
    handler: async () => {
      await reviews.releaseLapsed();
    },
  });

  return {
    accounts: {
      ...accounts,
      // The store shows who publishes an app.
      updateProfile: async (...given) => {
        const changed = await accounts.updateProfile(...given);
        storeChanged();
        return changed;
      },
    },
    apps,
    appModeration,
    versions,
    rollouts,
    knownIssues,
    uploads,
    screenshots,
    concludeAbandoned,
    reviews,
    rescans,
    retention,
    settings,
    notifications,
    store,
    telemetry,
    crashTriage,
    events,
    jobs,
    jobDesk: createJobDesk({ work, jobs }),
    checks,
    platformKey,
    metadata,
    work,
    limits: { maxPackageBytes: config.maxPackageBytes },
    onStoreChanged: (listener) => void storeListeners.push(listener),
  };
}
