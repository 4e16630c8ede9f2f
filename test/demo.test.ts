/** `npm run demo`: the program itself, against a server of its own, through the public API. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from './support/app.ts';
import { cookieOf } from './support/client.ts';

const PROGRAM = join(import.meta.dirname, '..', 'prisma', 'demo.ts');
const SIGN_IN = 'mutation($input: SignInInput!) { signIn(input: $input) { __typename } }';
const APPS = `{ viewer { apps(first: 5) { nodes { packageId
  versions(first: 10) { nodes { versionName state stateReason } }
  telemetry(range: {from: "FROM", to: "TO"}) { installs crashes }
  crashGroups(first: 5) { nodes { count } } } } } }`;

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

function demo(): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, MOSIS_URL: app.url, DATA_DIR: app.dataDir };
  return promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], { env });
}

it('fills an empty installation, prints accounts that can sign in, and refuses a second time', {
  timeout: 180_000,
}, async () => {
  const { stdout } = await demo();
  const accounts = [...stdout.matchAll(/^ {2}(\w+) +(\S+@\S+) +(\S+)$/gm)].map(([, role, email, password]) => ({
    role,
    email,
    password,
  }));
  expect(accounts.map(({ role }) => role).sort()).toEqual(['admin', 'developer', 'reviewer']);
  const sessions = new Map<string | undefined, string>();
  for (const { role, email, password } of accounts) {
    const answer = await app.client().send(SIGN_IN, { input: { email, password } });
    sessions.set(role, cookieOf(answer));
  }
  await app.services.telemetry.flush();
  const day = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
  const developer = app.client().as({ cookie: sessions.get('developer') ?? '' });
  const { viewer } = await developer.query<{ viewer: { apps: { nodes: DemoApp[] } } }>(
    APPS.replaceAll('FROM', day(31)).replaceAll('TO', day(0)),
  );
  expect(viewer.apps.nodes.map(({ packageId }) => packageId)).toHaveLength(2);
  for (const { versions, telemetry, crashGroups } of viewer.apps.nodes) {
    const states = versions.nodes.map(({ state }) => state);
    expect(states.length).toBeGreaterThan(3);
    expect(states).toEqual(expect.arrayContaining(['PUBLISHED', 'REJECTED']));
    expect(versions.nodes.find(({ state }) => state === 'REJECTED')?.stateReason).not.toBe(null);
    expect(Number(telemetry.installs)).toBeGreaterThan(10);
    expect(Number(telemetry.crashes)).toBeGreaterThan(0);
    expect(crashGroups.nodes.length).toBeGreaterThan(0);
  }
  const { store } = await app.client().query<{ store: { nodes: object[] } }>('{ store { nodes { packageId } } }');
  expect(store.nodes).toHaveLength(2);
  const reviewer = app.client().as({ cookie: sessions.get('reviewer') ?? '' });
  const { reviewQueue } = await reviewer.query<{ reviewQueue: { nodes: object[] } }>(
    '{ reviewQueue { nodes { id } } }',
  );
  expect(reviewQueue.nodes.length).toBeGreaterThan(0);
  await expect(demo()).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/already has accounts/) });
});

interface DemoApp {
  readonly packageId: string;
  readonly versions: { readonly nodes: readonly { readonly state: string; readonly stateReason: string | null }[] };
  readonly telemetry: { readonly installs: number | string; readonly crashes: number | string };
  readonly crashGroups: { readonly nodes: readonly { readonly count: number | string }[] };
}
