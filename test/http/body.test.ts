/** Reading a body: within a size, a time, and a number of pieces. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBody } from '../../server/http/body.ts';
import { asDomainError, sendProblem } from '../../server/http/problem.ts';

const MAX_BYTES = 64 * 1024;
const server = createServer((request, response) => {
  readBody(request, { maxBytes: MAX_BYTES, timeoutMs: 5_000 }).then(
    (body) => response.end(body),
    (error: unknown) => sendProblem(response, asDomainError(error, 'none')),
  );
});
let port = 0;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends pieces as chunks of one request; the whole answer, once the server closes or has said `until`. */
async function send(pieces: readonly string[], until = '\r\n0\r\n\r\n'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`);
  let answer = '';
  for await (const part of socket) {
    answer += String(part);
    if (answer.includes(until)) break;
  }
  socket.destroy();
  return answer;
}

it.each([
  ['one piece', ['{"a":1}']],
  ['pieces of a byte', [...'{"many":"pieces of one byte"}']],
  ['pieces of all sizes', Array.from({ length: 300 }, (_, n) => String.fromCharCode(97 + (n % 26)).repeat(n + 1))],
  ['as many as there may be', new Array<string>(4_096).fill('x')],
])('a body comes whole from %s', async (_name, pieces) => {
  const whole = pieces.join('');
  expect(await send(pieces, whole)).toContain(`\r\n\r\n${whole}`);
});

it.each([
  ['with its head', ['Content-Length: 4\r\n\r\nabcd']],
  ['after its head', ['Content-Length: 4\r\n\r\n', 'abcd']],
  ['partly with its head', ['Content-Length: 4\r\n\r\nab', 'c', 'd']],
  ['as nothing', ['Content-Length: 0\r\n\r\n']],
  ['together with the next request', ['Content-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: x\r\n\r\n']],
])('a body of a said length that comes %s is read', async (how, parts) => {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\n');
  for (const part of parts) {
    socket.write(part);
    // Long enough to arrive alone; together they would be another of these cases.
    await delay(20);
  }
  const whole = how === 'as nothing' ? '' : 'abcd';
  const answers = how === 'together with the next request' ? 2 : 1;
  let answer = '';
  for await (const text of socket) {
    answer += String(text);
    if (answer.split('\r\n\r\n').length > answers && answer.includes(whole)) break;
  }
  socket.destroy();
  expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(answers);
  expect(answer).toContain(`Content-Length: ${whole.length}\r\n`);
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toMatch(new RegExp(`^${whole}`));
});

it('a body whose sender leaves half-way is a failure, and keeps nothing waiting', async () => {
  const ends: unknown[] = [];
  const own = createServer((request) => {
    readBody(request, { maxBytes: MAX_BYTES, timeoutMs: 5_000 }).catch((error: unknown) => ends.push(error));
  });
  await once(own.listen(0, '127.0.0.1'), 'listening');
  for (const text of ['', 'ab']) {
    const socket = connect((own.address() as AddressInfo).port, '127.0.0.1');
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n${text}`);
    await once(own, 'request');
    socket.destroy();
  }
  await expect.poll(() => ends).toMatchObject([{ code: 'BAD_REQUEST' }, { code: 'BAD_REQUEST' }]);
  own.close();
});

it('one in more pieces than anybody needs is refused, and its connection ended', async () => {
  const answer = await send(new Array<string>(4_097).fill('x'), 'never said');
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('Connection: close');
  expect(answer).toContain('pieces');
});

it('one over its size is refused, however it comes', async () => {
  expect(await send(new Array<string>(65).fill('x'.repeat(1_024)), 'never said')).toMatch(/^HTTP\/1\.1 413 /);
});
