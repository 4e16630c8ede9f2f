/** Serving signed metadata: what is held in memory is never older than what was signed. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createMetadataRoutes } from '../../server/distribution/metadata/routes.ts';
import type { RouteContext } from '../../server/http/router.ts';
import type { Database } from '../../server/platform/db/database.ts';

it('a timestamp that was read before a newer one was signed is not held', async () => {
  const name = 'timestamp.json';
  let body = 'old';
  const reading = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  const metadataText = {
    async findUnique() {
      const answer = { body };
      reading.resolve();
      await read.promise;
      return answer;
    },
  };
  // Of a database the routes know this alone.
  const db = { prisma: { metadataText } } as unknown as Database;
  const { routes, forget } = createMetadataRoutes({ db, rootsDir: '' });
  const server = createServer((request, response) => {
    void routes[0]?.handler(request, response, { params: { file: name } } as unknown as RouteContext);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const ask = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text();
  const first = ask();
  await reading.promise;
  body = 'new';
  forget();
  read.resolve();
  await first;
  expect(await ask()).toBe('new');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
