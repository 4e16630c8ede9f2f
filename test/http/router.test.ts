/** The router: the requests of one connection, one after the other. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRouter } from '../../server/http/router.ts';

/** Paths in the order in which they were handled, and how many were at once. */
let handled: string[] = [];
let running = 0;
let mostAtOnce = 0;
let release: () => void = () => undefined;
let released: Promise<void> = Promise.resolve();

const server = createServer(
  createRouter({
    routes: [],
    fallback: async (request, response) => {
      handled.push(request.url ?? '');
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      await released;
      running -= 1;
      let body = '';
      for await (const chunk of request) body += String(chunk);
      response.end(`${request.url} ${body};`);
    },
    publicUrl: 'http://localhost',
    trustedProxies: [],
    newRequestId: () => 'an-id',
    log: pino({ level: 'silent' }),
  }),
);
let port = 0;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  handled = [];
  mostAtOnce = 0;
  released = new Promise((resolve) => {
    release = resolve;
  });
});

const get = (n: number): string => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (n: number): string => `POST /${n} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi`;

/** What comes back until `last` was said or the server cut the connection. */
async function talk(text: string, last: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  let heard = '';
  for await (const part of socket) {
    heard += String(part);
    if (heard.includes(last)) break;
  }
  socket.destroy();
  return heard;
}

it('requests that are sent without waiting for answers are handled one after the other, and answered in order', async () => {
  const answers = talk(get(1) + post(2) + get(3) + post(4) + get(5), '/5 ;');
  await expect.poll(() => handled).toEqual(['/1']);
  release();
  expect((await answers).match(/\/\d \w*;/g)).toEqual(['/1 ;', '/2 hi;', '/3 ;', '/4 hi;', '/5 ;']);
  expect(handled).toEqual(['/1', '/2', '/3', '/4', '/5']);
  expect(mostAtOnce).toBe(1);
});

it('a connection with more requests waiting than any client sends is cut, and what waited is not begun', async () => {
  expect(await talk(Array.from({ length: 200 }, (_, n) => get(n)).join(''), 'never said')).toBe('');
  release();
  await expect.poll(() => running).toBe(0);
  expect(handled).toEqual(['/0']);
});

it.each(['//evil/1', '/a\\1', '/a/../1', '/a/%2e%2E/1', '/./1', '/a/%2e', '/..?x'])(
  'refuses the path %s, which is another one once it is parsed',
  async (path) => {
    release();
    const heard = await talk(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'never said');
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(handled).toEqual([]);
  },
);

it.each(['/1?x=/../y', '/1..2', '/...', '/1?back=a\\b'])('takes the path %s', async (path) => {
  release();
  await talk(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'never said');
  expect(handled).toEqual([path]);
});
