/**
 * Owns what the benchmark of update checks asks: `ours`, the route behind the real router on the database in DATA_DIR, with a
 * limit by address that is taken from and never reached (all load comes from one); `bare`, node:http that reads the request and answers the bytes in ANSWER.
 */
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { createOfferIndex } from '../server/distribution/updates/offers.ts';
import { updateRoute } from '../server/distribution/updates/routes.ts';
import { createRateLimit } from '../server/http/rate-limit.ts';
import { createRouter } from '../server/http/router.ts';
import { systemClock } from '../server/platform/clock.ts';
import { READER_PRAGMAS } from '../server/platform/db/sqlite-adapter.ts';
import { createIds } from '../server/platform/ids.ts';
import { createLog } from '../server/platform/log.ts';

function ours(): RequestListener {
  const handle = new RawDatabase(join(process.env.DATA_DIR ?? '', 'core.db'), { readonly: true });
  handle.exec(READER_PRAGMAS);
  const rate = createRateLimit(systemClock, { capacity: 1e9, refillPerSecond: 1e9 });
  return createRouter({
    routes: [updateRoute({ offers: createOfferIndex(handle), rate })],
    fallback: (_request, response) => {
      response.end('ready');
    },
    publicUrl: 'http://localhost',
    trustedProxies: [],
    newRequestId: createIds(systemClock).next,
    log: createLog('error'),
  });
}

function bare(): RequestListener {
  const body = Buffer.from(process.env.ANSWER ?? '');
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length };
  return (request, response) => {
    request.on('data', () => undefined).on('end', () => response.writeHead(200, headers).end(body));
  };
}

createServer(process.argv[2] === 'bare' ? bare() : ours()).listen(Number(process.env.PORT), '127.0.0.1');
