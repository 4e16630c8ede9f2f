/** Owns what the operator asks: is the process alive, can it work, and in numbers how it does. */
import { METADATA_WARNINGS, type MetadataHealth } from '../distribution/metadata/health.ts';
import type { Route } from '../http/router.ts';
import type { Database } from '../platform/db/database.ts';

interface OpsOptions {
  readonly db: Database;
  /** False while starting or stopping. */
  readonly ready: () => boolean;
  /** Open GraphQL sockets. */
  readonly sockets: () => number;
  /** Of the signed metadata. */
  readonly metadata: () => Promise<MetadataHealth>;
}

/** `/healthz`: the process answers. `/readyz`: it takes work and the database answers; what the operator must
 * see to stands below that. `/metrics`: Prometheus text, to loopback only. */
export function opsRoutes({ db, ready, sockets, metadata }: OpsOptions): Route[] {
  return [
    {
      methods: ['GET', 'HEAD'],
      path: '/healthz',
      handler: (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end('ok\n');
      },
    },
    {
      methods: ['GET', 'HEAD'],
      path: '/readyz',
      handler: async (_request, response) => {
        const works =
          ready() &&
          (await db.prisma.eventHead.count().then(
            () => true,
            () => false,
          ));
        const warnings = works ? (await metadata()).warnings : [];
        response
          .writeHead(works ? 200 : 503, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' })
          .end([works ? 'ready' : 'not ready', ...warnings.map(({ code }) => `warning ${code}`), ''].join('\n'));
      },
    },
    {
      methods: ['GET'],
      path: '/metrics',
      handler: async (request, response, { address }) => {
        // A proxy on this machine is no operator: whoever comes through one is a stranger.
        const forwarded = request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined;
        if (forwarded || (address !== '127.0.0.1' && address !== '::1')) {
          response.writeHead(404).end();
          return;
        }
        const jobs = await db.prisma.job.groupBy({ by: ['state'], _count: true });
        const webhooks = await db.prisma.webhook.groupBy({ by: ['state'], _count: true });
        const memory = process.memoryUsage();
        const lines = [
          '# TYPE mosis_jobs gauge',
          ...jobs.map((row) => `mosis_jobs{state="${row.state.toLowerCase()}"} ${row._count}`),
          '# TYPE mosis_webhooks gauge',
          ...webhooks.map((row) => `mosis_webhooks{state="${row.state.toLowerCase()}"} ${row._count}`),
          '# TYPE mosis_sockets gauge',
          `mosis_sockets ${sockets()}`,
          ...metadataLines(await metadata()),
          '# TYPE process_resident_memory_bytes gauge',
          `process_resident_memory_bytes ${memory.rss}`,
          '# TYPE process_uptime_seconds gauge',
          `process_uptime_seconds ${process.uptime().toFixed(0)}`,
        ];
        response
          .writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4', 'Cache-Control': 'no-store' })
          .end(`${lines.join('\n')}\n`);
      },
    },
  ];
}

function metadataLines({ root, timestampExpires, warnings }: MetadataHealth): string[] {
  const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);
  const told = new Set(warnings.map(({ code }) => code));
  return [
    '# TYPE mosis_root_version gauge',
    `mosis_root_version ${root.version}`,
    '# TYPE mosis_root_expires_timestamp_seconds gauge',
    `mosis_root_expires_timestamp_seconds ${seconds(root.expires)}`,
    '# TYPE mosis_timestamp_expires_timestamp_seconds gauge',
    ...(timestampExpires === null ? [] : [`mosis_timestamp_expires_timestamp_seconds ${seconds(timestampExpires)}`]),
    '# TYPE mosis_metadata_warning gauge',
    ...METADATA_WARNINGS.map(
      (code) => `mosis_metadata_warning{code="${code.toLowerCase()}"} ${told.has(code) ? 1 : 0}`,
    ),
  ];
}
