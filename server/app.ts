/**
 * Owns the life of one server: chooses the adapters, starts everything in order, answers, and stops in the reverse order
 * with nothing lost. main.ts runs it as a process; tests run it in theirs.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { applyMigrationsApart } from '../prisma/migrate-apart.ts';
import type { Viewer } from './accounts/viewer.ts';
import { OPERATOR_ACTOR } from './audit/actor.ts';
import { createAudit } from './audit/service.ts';
import type { Config } from './config.ts';
import { createMetadataRoutes } from './distribution/metadata/routes.ts';
import { createDistribution } from './distribution/routes.ts';
import { createEvents } from './events/service.ts';
import type { GraphContext } from './graphql/context.ts';
import { createGraphqlHandler } from './graphql/http.ts';
import { schema } from './graphql/index.ts';
import { createPublicCache } from './graphql/public-cache.ts';
import { attachGraphqlSocket } from './graphql/websocket.ts';
import { createGraphql } from './graphql/yoga.ts';
import { createPortal } from './http/portal.ts';
import { createRouter } from './http/router.ts';
import type { ViewerResolver } from './http/viewer.ts';
import { createCron } from './jobs/cron.ts';
import { createOperatorDesk } from './ops/operator-desk.ts';
import { listenForOperator } from './ops/operator-socket.ts';
import { refuseHalfRestored } from './ops/restore-mark.ts';
import { opsRoutes } from './ops/routes.ts';
import type { FolderBlobs } from './platform/blobs/blobs.ts';
import { createFolderBlobs } from './platform/blobs/folder.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type FolderLock, lockFolder } from './platform/db/lock.ts';
import { openDatabase, type SqliteDatabase } from './platform/db/sqlite.ts';
import { createIds, type Ids } from './platform/ids.ts';
import type { Log } from './platform/log.ts';
import { createFolderMailer } from './platform/mail/folder.ts';
import type { Mailer } from './platform/mail/mail.ts';
import { createSmtpMailer } from './platform/mail/smtp.ts';
import { createInProcessPubSub } from './platform/pubsub/in-process.ts';
import { createServices, type Services } from './services.ts';
import { REGRESSIONS_JOB } from './telemetry/crash-regressions.ts';
import { telemetryRoutes } from './telemetry/routes.ts';
import { RETENTION_JOB } from './versions/package-retention.ts';
import { uploadRoutes } from './versions/tus.ts';

/** Bytes of serialised public answers kept in memory. */
const PUBLIC_CACHE_BYTES = 32 * 1024 * 1024;
/** How long open requests may take to finish once the server stops. */
const DRAIN_MS = 10_000;
const IDLE_LOOK_MS = 50;

export interface AppOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** Folder of the built portal. */
  readonly portalDir: string;
}

export interface App {
  readonly services: Services;
  /** The port it listens on. */
  readonly port: number;
  /** The link that makes the first admin, or null once there is one. Print it, never log it. */
  readonly setupUrl: string | null;
  /** Finishes requests, hands leases back, checkpoints and closes. A second call waits for the first. */
  close(): Promise<void>;
}

/** A data folder that this process holds, with its services at rest: nothing listens, and no job runs. */
export interface Installation {
  readonly lock: FolderLock;
  readonly db: SqliteDatabase;
  readonly blobs: FolderBlobs;
  readonly ids: Ids;
  readonly services: Services;
}

/**
 * Takes the folder and opens what is in it, for a server or for the operator command where none runs. `stack` closes it all. Throws
 * FolderInUse, HalfRestored or MigrationError.
 */
export async function openInstallation(
  config: Config,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  stack: AsyncDisposableStack,
): Promise<Installation> {
  const lock = lockFolder(config.dataDir, { pid: process.pid, startedAt: clock.now().toISOString() });
  stack.defer(() => lock.release());
  refuseHalfRestored(config.dataDir);
  const databasePath = join(config.dataDir, 'core.db');
  const applied = await applyMigrationsApart(databasePath);
  if (applied.length > 0) log.info({ applied }, 'migrations applied');
  const db = await openDatabase({ path: databasePath });
  stack.defer(async () => {
    await db.checkpoint();
    await db.close();
  });
  const blobs = await createFolderBlobs(join(config.dataDir, 'blobs'));
  await blobs.sweep();
  const ids = createIds(clock);
  const pubsub = createInProcessPubSub((error, topic) => log.error({ err: error, topic }, 'a subscriber failed'));
  const mailer = mailerOf(config, { clock, log });
  const services = await createServices({ config, clock, ids, log, db, blobs, pubsub, mailer });
  stack.defer(() => services.checks.close());
  return { lock, db, blobs, ids, services };
}

/** Makes a restored, migrated database one of a new history: cursors given before are refused, and the audit log tells of it. */
export async function renewRestored(path: string, from: string, clock: Clock = systemClock): Promise<void> {
  const db = await openDatabase({ path });
  try {
    const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => undefined) });
    const audit = createAudit({ clock, ids: createIds(clock) });
    await db.transaction(async (tx) => {
      await events.renewEpoch(tx);
      const details = { folder: from };
      await audit.record(tx, { ...OPERATOR_ACTOR, action: 'admin.restore', resourceType: 'installation', details });
    });
    await db.checkpoint();
  } finally {
    await db.close();
  }
}

/** Starts a whole server. Throws FolderInUse, MigrationError or what the port says; nothing stays open then. */
export async function createApp(config: Config, { log, clock = systemClock, portalDir }: AppOptions): Promise<App> {
  const stack = new AsyncDisposableStack();
  try {
    const { lock, db, blobs, ids, services } = await openInstallation(config, { log, clock }, stack);
    await services.notifications.reader.start();
    stack.defer(() => services.notifications.reader.stop());
    await services.telemetry.start();
    stack.defer(() => services.telemetry.stop());
    await services.metadata.start();
    stack.defer(() => services.metadata.stop());

    const viewers = viewerResolver(services);
    const contextOf = (base: Pick<GraphContext, 'viewer' | 'caller' | 'cookies' | 'log'>): GraphContext => ({
      ...base,
      services,
      db,
      publicUrl: config.publicUrl,
    });
    const cache = config.publicCache ? createPublicCache({ maxBytes: PUBLIC_CACHE_BYTES }) : null;
    if (cache !== null) services.onStoreChanged(cache.clear);
    const graphiql = config.mode === 'development';
    const yoga = createGraphql({ schema, graphiql });
    const graphql = createGraphqlHandler({
      yoga,
      publicUrl: config.publicUrl,
      allowedOrigins: config.allowedOrigins,
      viewers,
      cache,
      graphiql,
      contextOf,
    });
    const distribution = createDistribution({
      db,
      sql: db.raw,
      blobs,
      clock,
      log,
      key: services.platformKey,
      viewerOf: (request, address) => portalViewer(viewers, request, address),
      publicUrl: config.publicUrl,
      sendfile: config.sendfile,
      trustedProxies: config.trustedProxies,
    });
    services.onStoreChanged(distribution.storeChanged);
    stack.defer(() => distribution.close());
    const metadata = createMetadataRoutes({ db, rootsDir: services.metadata.rootsDir });
    services.metadata.onPublished(metadata.forget);
    let ready = false;
    let sockets = () => 0;
    const listener = createRouter({
      routes: [
        { methods: ['*'], path: '/graphql', handler: graphql },
        ...uploadRoutes({
          uploads: services.uploads,
          folder: join(config.dataDir, 'uploads'),
          maxPackageBytes: config.maxPackageBytes,
          publicUrl: config.publicUrl,
        }),
        ...distribution.routes,
        ...metadata.routes,
        ...telemetryRoutes(services.telemetry),
        ...opsRoutes({ db, ready: () => ready, sockets: () => sockets(), metadata: services.metadata.health }),
      ],
      fallback: await createPortal(portalDir),
      publicUrl: config.publicUrl,
      trustedProxies: config.trustedProxies,
      newRequestId: ids.next,
      log,
    });
    const server = createServer(
      { requestTimeout: 300_000, headersTimeout: 20_000, keepAliveTimeout: 65_000 },
      listener,
    );
    // An answer that its client reads nothing of, and a request that sends nothing: downloads and sockets have limits of their own.
    server.timeout = 120_000;
    const socket = attachGraphqlSocket(server, {
      yoga,
      schema,
      publicUrl: config.publicUrl,
      allowedOrigins: config.allowedOrigins,
      trustedProxies: config.trustedProxies,
      viewers,
      newRequestId: ids.next,
      log,
      contextOf,
    });
    sockets = socket.count;
    await services.uploads.recover();
    const startedAt = clock.now();
    const { dataDir, publicUrl } = config;
    const operator = await listenForOperator(
      dataDir,
      createOperatorDesk({ services, db, dataDir, publicUrl, startedAt }),
      log,
    );
    stack.defer(() => operator.close());
    const cron = createCron({ jobs: services.jobs, db, clock, log });
    cron.add({ name: 'housekeeping', pattern: '17 * * * *', kind: 'housekeeping' });
    cron.add({ name: 'carry-out-steps', pattern: '* * * * *', kind: 'carry-out-steps' });
    cron.add({ name: 'guard-rollouts', pattern: '*/10 * * * *', kind: 'guard-rollouts' });
    cron.add({ name: 'package-retention', pattern: '43 2 * * *', kind: RETENTION_JOB });
    cron.add({ name: REGRESSIONS_JOB, pattern: '* * * * *', kind: REGRESSIONS_JOB });
    cron.add({ name: 'release-claims', pattern: '* * * * *', kind: 'release-claims' });
    await services.jobs.start({ alone: true });
    stack.defer(() => services.jobs.stop({ releaseLeases: true }));
    await services.concludeAbandoned();
    await cron.start();
    stack.defer(() => cron.stop());
    const setup = await services.accounts.setup.prepare();
    await listen(server, config);
    stack.defer(() => stopServer(server));
    stack.defer(() => socket.close());
    stack.defer(() => {
      ready = false;
    });
    ready = true;
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : config.port;
    lock.describe({ pid: process.pid, startedAt: clock.now().toISOString(), address: config.publicUrl });
    let closing: Promise<void> | null = null;
    return {
      services,
      port,
      setupUrl: setup?.url ?? null,
      close() {
        closing ??= stack.disposeAsync();
        return closing;
      },
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function mailerOf({ mail, dataDir }: Config, { clock, log }: { clock: Clock; log: Log }): Mailer {
  if (mail.kind === 'SMTP') return createSmtpMailer(mail);
  return createFolderMailer({ folder: join(dataDir, 'mail'), from: mail.from, clock, log });
}

function viewerResolver({ accounts }: Services): ViewerResolver {
  const { credentials } = accounts;
  return {
    resolve: (shown) => credentials.resolve(shown),
    async standing(viewer) {
      const liveness = await credentials.liveness(viewer);
      return liveness === 'LIVE' ? 'live' : liveness === 'CHANGED' ? 'changed' : 'ended';
    },
  };
}

/** Who a picture in a page is for: the cookie counts only where the browser says that our own page asks. */
function portalViewer(viewers: ViewerResolver, request: IncomingMessage, address: string): Promise<Viewer> {
  const ours = request.headers['sec-fetch-site'] === 'same-origin';
  return viewers.resolve({
    cookie: ours ? request.headers.cookie : undefined,
    authorization: request.headers.authorization,
    address,
    userAgent: request.headers['user-agent'] ?? null,
  });
}

function listen(server: Server, config: Config): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(config.port, config.host, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

/** Takes no new connection, lets open requests finish for a while, then cuts what is left. */
async function stopServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A connection that has had its answer is kept open by its client: it is idle then, and can go.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await promise;
  clearInterval(idle);
  clearTimeout(timer);
}
