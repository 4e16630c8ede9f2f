/** GraphQL over HTTP: the standard's audits, and everything that is refused before an operation runs. */
import { request as httpRequest } from 'node:http';
import { auditServer, serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type Answer, readAnswer } from '../support/client.ts';
import { createSeed, type Developer, type Seed } from '../support/seed.ts';

const PARTNER = 'https://partner.example';
let app: TestApp;
let seed: Seed;
let ada: Developer;
beforeAll(async () => {
  app = await startApp({ env: { ALLOWED_ORIGINS: PARTNER } });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
});
afterAll(() => app.close());

async function call(init: RequestInit, path = '/graphql'): Promise<Answer> {
  return readAnswer(await fetch(`${app.url}${path}`, init));
}

function post(body: string | object, headers: Record<string, string> = {}): Promise<Answer> {
  return call({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const codesOf = (answer: Answer) => answer.errors?.map(({ extensions }) => extensions.code);

describe('the audits of the GraphQL over HTTP standard', () => {
  const audits = serverAudits({ url: () => `${app.url}/graphql` });
  it.each(audits.map((audit) => [audit.name, audit] as const))('%s', async (_name, audit) => {
    const result = await audit.fn();
    const why = 'reason' in result ? result.reason : '';
    expect(`${result.status} ${why}`.trim()).toBe('ok');
  });

  it('hold all together', async () => {
    const results = await auditServer({ url: `${app.url}/graphql` });
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
  });
});

describe('the form of a request', () => {
  it.each([
    ['application/x-www-form-urlencoded', 'query=%7B__typename%7D'],
    ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--'],
    ['text/plain', '{"query":"{__typename}"}'],
    ['application/graphql', '{__typename}'],
    ['application/json; charset=utf-16', '{"query":"{__typename}"}'],
    ['application/jsonp', '{"query":"{__typename}"}'],
  ])('refuses a body of %s', async (type, body) => {
    const answer = await call({ method: 'POST', headers: { 'content-type': type }, body });
    expect([answer.status, codesOf(answer)]).toEqual([415, ['UNSUPPORTED_MEDIA_TYPE']]);
  });

  it('refuses a body without a type, and one that is packed', async () => {
    const bare = await call({ method: 'POST', body: Buffer.from('{"query":"{__typename}"}') });
    expect(bare.status).toBe(415);
    const packed = await post('{"query":"{__typename}"}', { 'content-encoding': 'gzip' });
    expect(packed.status).toBe(415);
  });

  it('refuses a batch', async () => {
    const one = { query: '{ __typename }' };
    for (const batch of [[one, one], [one], []]) {
      const answer = await post(JSON.stringify(batch));
      expect([answer.status, codesOf(answer)]).toEqual([400, ['BATCH_TOO_LARGE']]);
    }
  });

  it('refuses a body over 256 KiB, announced or not', async () => {
    const big = JSON.stringify({ query: '{ __typename }', variables: { filler: 'x'.repeat(300_000) } });
    const answer = await post(big);
    expect([answer.status, codesOf(answer)]).toEqual([413, ['BODY_TOO_LARGE']]);
    const chunked = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      });
      request.on('response', (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      });
      request.on('error', reject);
      request.write(big.slice(0, 200_000));
      request.write(big.slice(200_000));
    });
    expect(chunked).toBe(413);
  });

  it('gives a body that does not come 10 s', { timeout: 20_000 }, async () => {
    const { status, tookMs } = await new Promise<{ status: number; tookMs: number }>((resolve, reject) => {
      const startedMs = performance.now();
      const request = httpRequest(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': 100 },
      });
      request.on('response', (response) => {
        resolve({ status: response.statusCode ?? 0, tookMs: performance.now() - startedMs });
        response.destroy();
      });
      request.on('error', reject);
      request.write('{');
    });
    expect(status).toBe(408);
    expect(tookMs).toBeGreaterThan(9_000);
  });

  it.each([
    ['no JSON', '{'],
    ['a text', '"hello"'],
    ['null', 'null'],
    ['a number as query', '{"query":1}'],
    ['variables that are a list', '{"query":"{__typename}","variables":[1]}'],
  ])('refuses %s as a mistake of the client', async (_name, body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['BAD_REQUEST']);
  });

  it('takes no other method, and says which there are', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const answer = await call({ method, body: '{}', headers: { 'content-type': 'application/json' } });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    }
  });
});

describe('GET', () => {
  const get = (query: string, headers: Record<string, string> = {}) =>
    call(
      { headers: { accept: 'application/graphql-response+json', ...headers } },
      `/graphql?query=${encodeURIComponent(query)}`,
    );

  it('may query', async () => {
    expect((await get('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  it('may not change anything', async () => {
    const answer = await get('mutation { signOut { __typename } }', {
      cookie: ada.session.cookie ?? '',
      origin: app.url,
    });
    expect([answer.status, answer.data]).toEqual([405, undefined]);
    expect((await ada.query('{ viewer { developer { email } } }')).viewer).not.toBeNull();
  });

  it('may not subscribe', async () => {
    const answer = await get('subscription { viewerEvents { cursor } }');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.data).toBeUndefined();
  });
});

describe('limits of a document', () => {
  const refused = async (query: string, code: string) => {
    const answer = await ada.send(query);
    expect([answer.status, codesOf(answer)]).toEqual([400, [code]]);
    expect(answer.errors?.[0]?.message).toMatch(/limit/);
    expect(answer.data).toBeUndefined();
  };

  it('are 12 levels', () =>
    refused(
      `{ viewer { ${'apps { nodes { versions { nodes { app { versions { nodes { app { versions { nodes { app { id } } } } } } } } } } } }'} }`,
      'QUERY_TOO_DEEP',
    ));
  it('are 12 levels through fragments too', () =>
    refused(
      `{ viewer { apps { nodes { ...A } } } }
       fragment A on App { versions { nodes { app { ...B } } } }
       fragment B on App { versions { nodes { app { ...C } } } }
       fragment C on App { versions { nodes { app { versions { nodes { id } } } } } }`,
      'QUERY_TOO_DEEP',
    ));
  it('are 15 aliases, whatever they are called', async () => {
    await refused(
      `{ ${Array.from({ length: 16 }, (_, n) => `a${n}: __typename`).join(' ')} }`,
      'QUERY_TOO_MANY_ALIASES',
    );
    const nodes = Array.from({ length: 16 }, (_, n) => `a${n}: node(id: "QXBwOjE=") { id }`).join(' ');
    await refused(`{ ${nodes} }`, 'QUERY_TOO_MANY_ALIASES');
  });
  it('are 2,000 tokens', () => refused(`{ ${'__typename '.repeat(2_001)} }`, 'QUERY_TOO_LARGE'));
  it('are 5,000 points, by pages', () =>
    refused('{ viewer { apps(first: 100) { nodes { versions(first: 100) { nodes { id } } } } } }', 'QUERY_TOO_COSTLY'));
  it('are 5,000 points, by what variables say', async () => {
    const query = 'query($n: Int) { viewer { apps(first: $n) { nodes { versions(first: $n) { nodes { id } } } } } }';
    expect(codesOf(await ada.send(query, { n: 100 }))).toEqual(['QUERY_TOO_COSTLY']);
    expect((await ada.send(query, { n: 10 })).errors).toBeUndefined();
  });
  it('leave no room for the texts of a whole package, nor for the files of many', async () => {
    const version = (fields: string) => `{ version(id: "QXBwVmVyc2lvbjox") { ${fields} } }`;
    await refused(version('files { path text }'), 'QUERY_TOO_COSTLY');
    await refused(version('fileDiff { before { text } after { text } }'), 'QUERY_TOO_COSTLY');
    const versions = (fields: string) =>
      `{ viewer { apps(first: 1) { nodes { versions(first: 25) { nodes { ${fields} } } } } } }`;
    await refused(versions('files { path }'), 'QUERY_TOO_COSTLY');
    await refused(versions('fileDiff { path }'), 'QUERY_TOO_COSTLY');
    await refused(versions('file(path: "manifest.json") { text }'), 'QUERY_TOO_COSTLY');
    const two = 'a: file(path: "a.lua") { text } b: file(path: "b.lua") { text }';
    expect((await ada.send(version(`${two} files { path } fileDiff { path kind }`))).errors).toBeUndefined();
  });
  it('refuse a fragment that holds itself at once', async () => {
    const answer = await ada.send('{ viewer { ...A } } fragment A on Viewer { apps { nodes { id } } ...A }');
    expect(answer.status).toBe(400);
  });
});

describe('origins', () => {
  it('refuse pages of others, with and without a cookie, before anything runs', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      `${app.url}.evil.example`,
      app.url.replace('http', 'https'),
    ]) {
      const answer = await post(
        { query: 'mutation { signOut { __typename } }' },
        { origin, cookie: ada.session.cookie ?? '' },
      );
      expect([answer.status, codesOf(answer)]).toEqual([403, ['ORIGIN_REFUSED']]);
    }
    expect((await ada.query('{ viewer { developer { email } } }')).viewer).not.toBeNull();
  });

  it('let a listed partner in, without cookies', async () => {
    const preflight = await call({
      method: 'OPTIONS',
      headers: { origin: PARTNER, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(PARTNER);
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await post(
      { query: '{ viewer { developer { email } } }' },
      { origin: PARTNER, cookie: ada.session.cookie ?? '' },
    );
    expect(answer.data).toEqual({ viewer: null });
    expect(answer.headers.get('vary')).toMatch(/Origin/);
    const evil = await call({ method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect(evil.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('answers', () => {
  it('show the whole schema to everybody', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const answer = await post({ query: getIntrospectionQuery() });
    expect(answer.errors).toBeUndefined();
    expect(Object.keys(answer.data ?? {})).toEqual(['__schema']);
  });

  it.each([
    ['a field that is not there', '{ nope }'],
    ['a broken document', '{ nope '],
    ['no document', ''],
    ['a value of the wrong form', '{ upload(id: "garbage") { id } }'],
    ['a cursor of no list', '{ viewer { apps(after: "garbage") { nodes { id } } } }'],
    ['two operations and no name', 'query A { __typename } query B { __typename }'],
  ])('call %s BAD_REQUEST', async (_name, query) => {
    expect(codesOf(await ada.send(query))).toEqual(['BAD_REQUEST']);
  });

  it('say which field of a variable is wrong', async () => {
    const answer = await ada.send('mutation($input: CreateAppInput!) { createApp(input: $input) { __typename } }', {
      input: { packageId: 'a.b', name: 'x', nope: 1 },
    });
    expect([answer.status, codesOf(answer)]).toEqual([400, ['BAD_REQUEST']]);
    expect(answer.errors?.[0]?.message).toMatch(/nope/);
  });

  it('hide a fault behind a reference', async () => {
    // A fault that no client can cause: the row names a state that the server does not know.
    const version = await (await ada.app('com.example.fault')).upload();
    await app.services.work(async ({ tx }) => {
      await tx.appVersion.update({ where: { id: version.key }, data: { state: 'BROKEN SECRET' } });
    });
    const answer = await ada.send('query($id: ID!) { version(id: $id) { state } }', { id: version.id });
    expect(codesOf(answer)).toEqual(['INTERNAL']);
    expect(answer.text).not.toMatch(/SECRET/);
    expect(answer.errors?.[0]?.extensions.reference).toBe(answer.headers.get('x-request-id'));
    const [failure] = await new Promise<{ extensions?: { code?: unknown } }[]>((resolve) => {
      const socket = ada.socket();
      socket.subscribe(
        { query: 'query($id: ID!) { version(id: $id) { state } }', variables: { id: version.id } },
        {
          next: ({ errors, data }) => {
            expect(JSON.stringify([errors, data])).not.toMatch(/SECRET/);
            resolve([...(errors ?? [])]);
            void socket.dispose();
          },
          error: (error) => resolve(error as object[]),
          complete: () => {},
        },
      );
    });
    expect(failure?.extensions?.code).toBe('INTERNAL');
  });

  it('are null for a node that does not exist for the viewer, and refuse an id that is none of ours', async () => {
    const mine = await ada.app('com.example.nodes');
    expect(await ada.query('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: ['QXBwOjE=', mine.id] })).toEqual({
      nodes: [null, { id: mine.id }],
    });
    const anonymous = await app.client().query('query($id: ID!) { node(id: $id) { id } }', { id: mine.id });
    expect(anonymous).toEqual({ node: null });
    for (const type of ['Nonsense', 'Query', 'Finding']) {
      const id = Buffer.from(`${type}:1`).toString('base64');
      expect(codesOf(await ada.send('query($id: ID!) { node(id: $id) { id } }', { id }))).toEqual(['BAD_REQUEST']);
      expect(codesOf(await ada.send('query($id: ID!) { nodes(ids: [$id]) { id } }', { id }))).toEqual(['BAD_REQUEST']);
    }
  });
});
