/** Accounts over real HTTP: the cookie, where it counts, and bearer tokens, on a whole server with argon2id. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, createApp } from '../../server/app.ts';
import { readConfig } from '../../server/config.ts';
import { makeFolder } from '../support/database.ts';
import { cookieHeaderOf, PASSWORD } from './world.ts';

const ORIGIN = 'http://localhost:4000';
let folder: string;
let app: App;

beforeAll(async () => {
  folder = await makeFolder();
  const portalDir = join(folder, 'portal');
  await mkdir(portalDir);
  const config = readConfig({ DATA_DIR: join(folder, 'data'), PUBLIC_URL: ORIGIN, PORT: '0', LOG_LEVEL: 'silent' });
  app = await createApp(config, { log: pino({ level: 'silent' }), portalDir });
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  cookie: string | null;
  body: { data?: Record<string, unknown>; errors?: { extensions: { code: string } }[] };
}

async function post(query: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`http://localhost:${app.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, cookie: response.headers.get('set-cookie'), body: await response.json() };
}

const ME = '{ viewer { developer { email } credential { kind } } }';
const sameOrigin = { origin: ORIGIN };
let name = 0;

async function signUp(): Promise<{ cookie: string; email: string }> {
  name += 1;
  const email = `ada${name}@example.org`;
  const { cookie, body } = await post(
    `mutation { signUp(input: { email: "${email}", name: "Ada", password: "${PASSWORD}" }) { __typename } }`,
    sameOrigin,
  );
  expect(body.data).toEqual({ signUp: { __typename: 'SignUpPayload' } });
  return { cookie: cookieHeaderOf(cookie ?? ''), email };
}

describe('accounts over HTTP', () => {
  it('sign up with a cookie that scripts cannot read and that signs in from our own origin', async () => {
    const { cookie, email } = await signUp();
    expect(cookie).toMatch(/^mosis=ms_/);
    const { body } = await post(ME, { ...sameOrigin, cookie });
    expect(body.data).toEqual({ viewer: { developer: { email }, credential: { kind: 'SESSION' } } });
  });

  it('do not count the cookie from elsewhere', async () => {
    const { cookie } = await signUp();
    expect((await post(ME, { cookie })).body.data).toEqual({ viewer: null });
    const foreign = await post(ME, { cookie, origin: 'https://evil.example' });
    expect(foreign).toMatchObject({ status: 403, body: { errors: [{ extensions: { code: 'ORIGIN_REFUSED' } }] } });
  });

  it('end with signing out, which clears the cookie', async () => {
    const { cookie } = await signUp();
    const out = await post('mutation { signOut { __typename } }', { ...sameOrigin, cookie });
    expect(out.cookie).toMatch(/^mosis=; .*Max-Age=0/);
    const after = await post(ME, { ...sameOrigin, cookie });
    expect(after.body.data).toEqual({ viewer: null });
    expect(after.cookie).toMatch(/Max-Age=0/);
  });

  it('sign in a key by Authorization, and refuse one that proves nothing', async () => {
    const { cookie } = await signUp();
    const made = await post(
      'mutation { createApiKey(input: { name: "CI", scopes: [APPS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
      { ...sameOrigin, cookie },
    );
    const { secret } = Object(made.body.data?.createApiKey);
    const byKey = await post(ME, { authorization: `Bearer ${secret}` });
    expect(byKey.body.data).toMatchObject({ viewer: { credential: { kind: 'API_KEY' } } });
    const wrong = await post(ME, { authorization: `Bearer ${secret}x` });
    expect(wrong).toMatchObject({ status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
  });

  it('set up the first admin with the token of the printed link, once', async () => {
    const token = new URL(app.setupUrl ?? '').hash.replace('#token=', '');
    const setup = (email: string) =>
      post(
        `mutation { completeSetup(input: { token: "${token}", email: "${email}", name: "Grace", password: "${PASSWORD}" }) {
          ... on CompleteSetupPayload { viewer { developer { roles } } } ... on Error { code } } }`,
        sameOrigin,
      );
    const answers = await Promise.all([setup('g1@example.org'), setup('g2@example.org')]);
    const results = answers.map(({ body }) => body.data?.completeSetup);
    expect(results).toContainEqual({ viewer: { developer: { roles: ['DEVELOPER', 'ADMIN'] } } });
    expect(results).toContainEqual({ code: 'SETUP_DONE' });
  });
});
