/** How the real server stops: open requests get their answers, sockets are told, and everything lies in the database file. */
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

let folder: string;
let port: number;
let server: ServerProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-stop-'));
  port = await freePort();
  server = await startServer({ dataDir: join(folder, 'data'), port });
}, 90_000);
afterAll(async () => {
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

it('finishes what it has begun, tells its sockets, and leaves no log behind', async () => {
  const live = new WebSocket(`ws://localhost:${port}/graphql`, 'graphql-transport-ws');
  await once(live, 'open');
  const closed = once(live, 'close');
  const body = JSON.stringify({
    query:
      'mutation($i: SignUpInput!) { signUp(input: $i) { ... on SignUpPayload { viewer { developer { name } } } } }',
    variables: { i: { email: 'last@example.org', name: 'Last', password: 'harbour lantern slope' } },
  });
  const request = connect(port, 'localhost');
  let answer = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  const ended = once(request, 'close');
  const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  request.write(head + body.slice(0, 20));
  await expect.poll(() => fetch(`${server.url}/readyz`).then((ready) => ready.status)).toBe(200);

  const stopped = server.stop();
  expect((await closed)[0]).toBe(1001);
  request.write(body.slice(20));
  expect(await stopped).toBe(0);
  await ended;
  expect(answer).toContain('HTTP/1.1 200');
  expect(answer).toContain('"name":"Last"');
  const log = await stat(join(folder, 'data', 'core.db-wal')).catch(() => null);
  expect(log?.size ?? 0).toBe(0);
});
