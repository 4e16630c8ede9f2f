/** Connections that ask for a WebSocket and are cut at once: the server lives on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const UPGRADE_HEAD = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: graphql-transport-ws',
];

async function upgradeAndReset(path: string, headers: readonly string[] = []): Promise<void> {
  const socket = connect(app.port, 'localhost');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const head = [`GET ${path} HTTP/1.1`, `Host: localhost:${app.port}`, ...UPGRADE_HEAD, ...headers, '', ''].join(
    '\r\n',
  );
  await new Promise<void>((resolve) =>
    socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(70_000)]), () => resolve()),
  );
  socket.resetAndDestroy();
}

describe('a connection reset while it asks for a socket', () => {
  // Without the server's own listener the reset is an uncaught exception, which fails this run.
  it.each([
    ['where no socket is served', '/nothing', []],
    ['from a foreign origin', '/graphql', ['Origin: https://evil.example']],
    ['after it was opened', '/graphql', []],
  ])('does not end the server (%s)', async (_name, path, headers) => {
    for (let round = 0; round < 20; round += 1) await upgradeAndReset(path, headers);
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
  });
});
