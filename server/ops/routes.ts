/** Owns what the operator asks: is the process alive, can it work, and in numbers how it does. */
import type { Route } from '../http/router.ts';
import type { Database } from '../platform/db/database.ts';

interface OpsOptions {
  readonly db: Database;
  /** False while starting or stopping. */
  readonly ready: () => boolean;
  /** Open GraphQL sockets. */
  readonly sockets: () => number;
}

/** `/healthz`: the process answers. `/readyz`: it takes work and the database answers. `/metrics`: Prometheus text, to loopback only. */
export function opsRoutes({ db, ready, sockets }: OpsOptions): Route[] {
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
        response
          .writeHead(works ? 200 : 503, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' })
          .end(works ? 'ready\n' : 'not ready\n');
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
