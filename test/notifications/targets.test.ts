/** Where a webhook may be sent to: URLs, addresses, and the moment of connecting. */
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../server/notifications/addresses.ts';
import { createPost, type PostRequest, type Resolve } from '../../server/notifications/post.ts';
import { mayReachLoopback, parseTarget } from '../../server/notifications/target.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../platform/mail-certificate.ts';

const production = { allowLoopback: false };
const development = { allowLoopback: true };

function problemOf(url: string, mode = production): string | null {
  const target = parseTarget(url, mode);
  return target.ok ? null : target.problem;
}

describe('an address', () => {
  it.each([
    ['this network', '0.0.0.0'],
    ['private, class A', '10.1.2.3'],
    ['private, class B', '172.16.0.1'],
    ['private, class B, last', '172.31.255.255'],
    ['private, class C', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['loopback', '127.0.0.1'],
    ['loopback, elsewhere', '127.8.9.10'],
    ['link-local', '169.254.1.1'],
    ['metadata of clouds', '169.254.169.254'],
    ['documentation', '192.0.2.7'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 loopback', '::1'],
    ['IPv6 unspecified', '::'],
    ['IPv4 in IPv6', '::ffff:10.0.0.1'],
    ['public IPv4 in IPv6', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::7f00:1'],
    ['NAT64 of loopback', '64:ff9b::7f00:1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['Teredo', '2001:0:4136:e378::1'],
    ['unique local', 'fd00::1'],
    ['metadata over IPv6', 'fd00:ec2::254'],
    ['IPv6 link-local', 'fe80::1'],
    ['IPv6 link-local with a zone', 'fe80::1%eth0'],
    ['IPv6 multicast', 'ff02::1'],
    ['IPv6 documentation', '2001:db8::1'],
    ['no address', 'example.org'],
  ])('that is not public is refused: %s', (_what, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '2606:4700::1111'])(
    'that is public is not: %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe('the URL of a webhook', () => {
  it.each([
    ['no URL', 'hook', 'FORM'],
    ['nothing', '', 'FORM'],
    ['too long', `https://example.org/${'a'.repeat(2048)}`, 'FORM'],
    ['a fragment', 'https://example.org/#a', 'FORM'],
    ['no TLS', 'http://example.org/', 'SCHEME'],
    ['a file', 'file:///etc/passwd', 'FORM'],
    ['another scheme', 'gopher://example.org/', 'SCHEME'],
    ['a user name', 'https://ada@example.org/', 'CREDENTIALS'],
    ['a password', 'https://ada:secret@example.org/', 'CREDENTIALS'],
    ['a port of databases', 'https://example.org:5432/', 'PORT'],
    ['the port of SMTP', 'https://example.org:25/', 'PORT'],
    ['loopback', 'https://127.0.0.1/', 'ADDRESS'],
    ['loopback as one number', 'https://2130706433/', 'ADDRESS'],
    ['loopback in octal', 'https://0177.0.0.1/', 'ADDRESS'],
    ['loopback, short', 'https://127.1/', 'ADDRESS'],
    ['IPv6 loopback', 'https://[::1]/', 'ADDRESS'],
    ['mapped loopback', 'https://[::ffff:127.0.0.1]/', 'ADDRESS'],
    ['metadata', 'https://169.254.169.254/latest/meta-data', 'ADDRESS'],
    ['private', 'https://10.0.0.1/', 'ADDRESS'],
    ['a name of this machine', 'https://localhost/', 'ADDRESS'],
    ['a name under localhost', 'https://a.localhost/', 'ADDRESS'],
    ['localhost with a dot', 'https://localhost./', 'ADDRESS'],
    ['a name of the local network', 'https://printer.local/', 'ADDRESS'],
    ['a bare name', 'https://intranet/', 'ADDRESS'],
    ['an inner name of a cloud', 'https://metadata.google.internal/', 'ADDRESS'],
  ])('is refused with a reason: %s', (_what, url, problem) => {
    expect(problemOf(url)).toBe(problem);
  });

  it.each(['https://example.org', 'https://example.org:443/a?b=c', 'https://example.org:8443/', 'https://8.8.8.8/'])(
    'is taken: %s',
    (url) => {
      expect(problemOf(url)).toBeNull();
    },
  );

  it('may be of this machine in development, and of no other inner one', () => {
    for (const url of ['http://localhost:4001/', 'http://127.0.0.1:9/', 'https://[::1]:8443/']) {
      expect(problemOf(url, development)).toBeNull();
    }
    expect(problemOf('http://example.org/', development)).toBe('SCHEME');
    expect(problemOf('http://192.168.0.1/', development)).toBe('SCHEME');
    expect(problemOf('https://192.168.0.1/', development)).toBe('ADDRESS');
    expect(problemOf('http://127.0.0.2/', development)).toBe('SCHEME');
  });

  it('may not be of this machine where the server is in production, or is reached under another name', () => {
    expect(mayReachLoopback('development', 'http://localhost:4000')).toBe(true);
    expect(mayReachLoopback('production', 'http://localhost:4000')).toBe(false);
    expect(mayReachLoopback('development', 'https://apps.example.org')).toBe(false);
  });
});

describe('a request', () => {
  let port = 0;
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.end('here');
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** A public name under the rules of production, on the port of the test's server. */
  function requestTo(host: string, isAllowed = isPublicAddress): PostRequest {
    const url = new URL(`http://${host}:${port}/`);
    return { target: { ok: true, url, isAllowed }, headers: {}, body: '{}', signal: new AbortController().signal };
  }
  const resolvingTo =
    (...addresses: string[]): Resolve =>
    async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

  it('is not sent where the name stands for an address that is not public, and the address is not told', async () => {
    hits = 0;
    for (const address of ['127.0.0.1', '169.254.169.254', '10.0.0.8', '::1', '::ffff:127.0.0.1']) {
      const answer = await createPost({ resolve: resolvingTo(address) })(requestTo('hooks.example.org'));
      expect(answer).toEqual({
        status: null,
        error: 'hooks.example.org has an address that is not public',
        answer: null,
      });
    }
    expect(hits).toBe(0);
  });

  it('is not sent where only one of several addresses is not public', async () => {
    const answer = await createPost({ resolve: resolvingTo('8.8.8.8', '127.0.0.1') })(requestTo('hooks.example.org'));
    expect(answer.error).toMatch(/not public/);
  });

  it('connects to the address that was checked: a name that changes between two look-ups gains nothing', async () => {
    hits = 0;
    const asked: string[] = [];
    const rebinding: Resolve = async (hostname) => {
      asked.push(hostname);
      // What a checking look-up would be shown, then what a connecting one would.
      return [{ address: asked.length === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 }];
    };
    const isFirst = (address: string) => address === '127.0.0.1';
    expect(await createPost({ resolve: rebinding })(requestTo('hooks.example.org', isFirst))).toEqual({
      status: 200,
      error: null,
      answer: 'here',
    });
    expect(asked).toEqual(['hooks.example.org']);
    // At the next try the name is looked up, and checked, again.
    const answer = await createPost({ resolve: rebinding })(requestTo('hooks.example.org', isFirst));
    expect(answer.error).toMatch(/not public/);
    expect(hits).toBe(1);
  });

  it('is not sent to a literal address that is not allowed, for which nothing is looked up', async () => {
    hits = 0;
    expect((await createPost()(requestTo('127.0.0.1'))).error).toMatch(/not public/);
    expect(hits).toBe(0);
  });

  it('goes over TLS to a server that proves its name, and to no other', async () => {
    const tls = createTlsServer({ key: CERTIFICATE_KEY, cert: CERTIFICATE }, (_request, response) => {
      response.end('over TLS');
    });
    await new Promise<void>((resolve) => {
      tls.listen(0, '127.0.0.1', resolve);
    });
    const port = (tls.address() as AddressInfo).port;
    const send = (host: string, ca?: string) => {
      const url = new URL(`https://${host}:${port}/`);
      const target = { ok: true as const, url, isAllowed: () => true };
      const post = createPost({ resolve: resolvingTo('127.0.0.1'), ...(ca === undefined ? {} : { ca }) });
      return post({ target, headers: {}, body: '{}', signal: new AbortController().signal });
    };
    expect(await send('localhost', CERTIFICATE)).toEqual({ status: 200, error: null, answer: 'over TLS' });
    expect((await send('hooks.example.org', CERTIFICATE)).error).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
    expect((await send('localhost')).error).toMatch(/SELF_SIGNED/);
    tls.closeAllConnections();
    await new Promise((resolve) => tls.close(resolve));
  });

  it('is cut off in time: silence is no answer, and a status is one, however slowly the rest drips', async () => {
    const slow = createServer((request, response) => {
      if (request.url === '/silent') return;
      response.writeHead(200);
      response.write('drip');
    });
    await new Promise<void>((resolve) => {
      slow.listen(0, '127.0.0.1', resolve);
    });
    const port = (slow.address() as AddressInfo).port;
    const send = (path: string, signal = new AbortController().signal) => {
      // By its name, for which no name server is asked.
      const url = new URL(`http://localhost:${port}${path}`);
      const target = { ok: true as const, url, isAllowed: () => true };
      return createPost({ timeoutMs: 150 })({ target, headers: {}, body: '{}', signal });
    };
    expect(await send('/silent')).toEqual({ status: null, error: 'no answer within 0.15 s', answer: null });
    expect(await send('/drip')).toEqual({ status: 200, error: null, answer: 'drip' });
    await expect(send('/silent', AbortSignal.abort(new Error('the worker stops')))).rejects.toThrow('the worker stops');
    slow.closeAllConnections();
    await new Promise((resolve) => slow.close(resolve));
    expect((await send('/gone')).error).toBe('the connection was refused');
  });

  it('ends where the receiver would switch to another protocol', async () => {
    const switching = createSocketServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
      );
    });
    await new Promise<void>((resolve) => {
      switching.listen(0, '127.0.0.1', resolve);
    });
    const port = (switching.address() as AddressInfo).port;
    const target = { ok: true as const, url: new URL(`http://localhost:${port}/`), isAllowed: () => true };
    const { signal } = new AbortController();
    const answer = await createPost({ timeoutMs: 1_000 })({ target, headers: {}, body: '{}', signal });
    expect(answer).toEqual({ status: null, error: 'the connection was closed without an answer', answer: null });
    await new Promise((resolve) => switching.close(resolve));
  }, 5_000);

  it('says plainly what went wrong on the way', async () => {
    const unknown = createPost({ resolve: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) });
    expect((await unknown(requestTo('nowhere.example.org'))).error).toBe('the host name could not be resolved');
    const hanging = createPost({ resolve: () => new Promise(() => {}), timeoutMs: 50 });
    expect((await hanging(requestTo('slow.example.org'))).error).toBe('no answer within 0.05 s');
  });
});
