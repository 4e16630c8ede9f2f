/**
 * Owns a server with telemetry and nothing else, as a process of its own that may be killed: for the benchmark and for
 * the test of what survives that. Usage: ingest-server.ts DATA_DIR [FLUSH_MS]; prints its port.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createRouter } from '../server/http/router.ts';
import { systemClock } from '../server/platform/clock.ts';
import { createLog } from '../server/platform/log.ts';
import { telemetryRoutes } from '../server/telemetry/routes.ts';
import { openTelemetrySecrets } from '../server/telemetry/secret.ts';
import { createTelemetry } from '../server/telemetry/service.ts';

const [dataDir = '', flushMs = '1000'] = process.argv.slice(2);
const log = createLog('error');
const unlimited = { take: () => 0 };
const telemetry = createTelemetry({
  dir: join(dataDir, 'telemetry'),
  secrets: await openTelemetrySecrets(join(dataDir, 'keys'), systemClock.now()),
  clock: systemClock,
  log,
  throttles: {
    address: unlimited,
    site: unlimited,
    device: unlimited,
    app: unlimited,
    requestAddress: unlimited,
    requestDevice: unlimited,
  },
  // The id is the package id: any app will do here.
  apps: { resolvePackage: (packageId) => ({ id: packageId }) },
  flushIntervalMs: Number(flushMs),
});
await telemetry.start();

const server = createServer(
  createRouter({
    routes: telemetryRoutes(telemetry),
    fallback: (_request, response) => {
      response.writeHead(200).end();
    },
    publicUrl: 'http://localhost',
    trustedProxies: [],
    newRequestId: () => 'bench',
    log,
  }),
);
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
process.once('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => telemetry.stop().then(() => process.exit(0)));
});
