/** The operator's ceremony as processes: keys and signatures on a machine without a server, the rest through a running one. */
import { existsSync, statSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createClient } from '../support/client.ts';
import { makeFolder } from '../support/database.ts';
import { createSeed } from '../support/seed.ts';
import { admin } from './admin-process.ts';

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await startApp();
  folder = await makeFolder();
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);
/** Nothing of a server is there. */
const offline = (...words: string[]) => admin(at('nowhere'), 'root', ...words);
const online = (...words: string[]) => admin(app.dataDir, 'root', ...words);

it('the development root is replaced by keys that no server has seen', async () => {
  const device = createDevice({ root: at('device'), serverUrl: app.url, fetch, clock: () => new Date() });
  await device.provisionFromNetwork();
  expect((await admin(app.dataDir, 'status')).err).toContain(
    'warning: The root of the signed metadata is a development root',
  );
  expect(await (await fetch(`${app.url}/readyz`)).text()).toBe('ready\nwarning ROOT_DEVELOPMENT\n');

  for (const name of ['a', 'b', 'c']) expect((await offline('keygen', '--out', at(name))).code).toBe(0);
  expect(existsSync(at('nowhere'))).toBe(false);
  expect([statSync(at('a')).mode & 0o777, statSync(at('a.pub')).mode & 0o777]).toEqual([0o600, 0o644]);
  const kept = await readFile(at('a'), 'utf8');
  expect((await offline('keygen', '--out', at('a'))).code).toBe(6);
  expect(await readFile(at('a'), 'utf8')).toBe(kept);

  const keys = ['a', 'b', 'c'].flatMap((name) => ['--key', at(`${name}.pub`)]);
  const stray = await online('init', '--key', at('a'), '--threshold', '1', '--out', at('wrong.json'));
  expect([stray.code, stray.err]).toEqual([1, expect.stringContaining('is a private key')]);
  for (const threshold of ['0x2', '2.0', '1e0', ' 2', '+2', '0', '17'])
    expect((await online('init', ...keys, '--threshold', threshold, '--out', at('wrong.json'))).code).toBe(2);
  const prepared = await online('init', ...keys, '--threshold', '2', '--out', at('2.json'));
  expect([prepared.code, prepared.out]).toEqual([0, expect.stringContaining('Roots after it need 2 of 3 keys')]);

  expect((await offline('sign', at('2.json'), '--key', at('a'))).err).toContain('Missing: 1 by the rule of root 2');
  const early = await online('publish', at('2.json'));
  expect([early.code, early.err]).toEqual([2, expect.stringContaining('Signatures are missing: 1 more')]);
  await chmod(at('b'), 0o644);
  expect((await offline('sign', at('2.json'), '--key', at('b'))).err).toContain('chmod 600');
  await chmod(at('b'), 0o600);
  expect((await offline('sign', at('2.json'), '--key', at('b'))).err).toContain('Enough keys have signed');
  expect((await offline('show', at('2.json'), '--json')).json()).toMatchObject({
    version: 2,
    threshold: 2,
    missing: [],
  });

  const published = await online('publish', at('2.json'), '--json');
  expect(published.json()).toMatchObject({ root: { version: 2, development: false, threshold: 2 }, warnings: [] });
  expect(await device.refresh()).toMatchObject({ version: 2, development: false });
  const done = app.rows("SELECT via FROM audit_logs WHERE action IN ('admin.prepare_root', 'admin.change_root')");
  expect(done).toEqual([{ via: 'OPERATOR' }, { via: 'OPERATOR' }]);
}, 180_000);

it('a prepared root is held against the root that the signer trusts, whatever the file says that it follows', async () => {
  for (const version of [1, 2])
    await writeFile(
      at(`${version}.root.json`),
      await (await fetch(`${app.url}/v1/metadata/${version}.root.json`)).text(),
    );
  const keys = ['a', 'b'].flatMap((name) => ['--key', at(`${name}.pub`)]);
  expect((await offline('keygen', '--out', at('thief'))).code).toBe(0);
  // What a break-in at the server prepares: a key of the thief's in the place of one that people hold.
  const prepared = await online(
    'renew',
    ...keys,
    '--key',
    at('thief.pub'),
    '--threshold',
    '1',
    '--out',
    at('next.json'),
  );
  expect(prepared.code).toBe(0);
  const thief = (await readFile(at('next.json'), 'utf8')).trim();
  const draft = JSON.parse(thief) as {
    signed: { roles: unknown; keys: unknown };
    'x-mosis-before': { signed: object };
  };
  const claimed = draft['x-mosis-before'];
  Object.assign(claimed.signed, { roles: draft.signed.roles, keys: draft.signed.keys });
  const forged = JSON.stringify(draft);
  await writeFile(at('forged.json'), forged);
  const sign = (file: string, ...more: string[]) => offline('sign', at(file), '--key', at('a'), ...more);

  const refused = await sign('forged.json', '--before', at('2.root.json'));
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('The file says of root 2 what')]);
  const other = await sign('next.json', '--before', at('1.root.json'));
  expect([other.code, other.err]).toEqual([6, expect.stringContaining('after root 1 of')]);
  const unsigned = await sign('next.json', '--before', at('forged.json'));
  expect([unsigned.code, unsigned.err]).toEqual([
    1,
    expect.stringContaining('is no root that its own keys have signed'),
  ]);
  const typed = await offline('show', at('forged.json'), '--before', at('2.root.json'), '--json');
  expect(JSON.parse(typed.out || typed.err)).toMatchObject({ error: { code: 'BEFORE_FORGED' } });
  expect(await readFile(at('forged.json'), 'utf8')).toBe(forged);
  expect((await readFile(at('next.json'), 'utf8')).trim()).toBe(thief);

  // Without it the forged file hides the new key, and the output says whose word that is.
  const believed = await offline('show', at('forged.json'));
  expect(believed.out).not.toContain('NEW');
  expect(believed.err).toContain("is the file's own claim of root 2");
  const held = await offline('show', at('next.json'), '--before', at('2.root.json'));
  expect(held.out).toMatch(/1 of 3 keys \(was 2\)/);
  expect(held.out.match(/ {3}(?:NEW|GONE)/g)).toEqual(['   NEW', '   GONE']);
  expect(held.err).toContain('What changes is told from root 2');
  // A file that says nothing of the root before it is as good, and says it once it is signed.
  const { 'x-mosis-before': _, ...plain } = JSON.parse(thief);
  await writeFile(at('plain.json'), JSON.stringify(plain));
  const signed = await sign('plain.json', '--before', at('2.root.json'), '--json');
  expect(signed.json()).toMatchObject({
    before: at('2.root.json'),
    changes: { threshold: 2, newKeys: [expect.any(String)], goneKeys: [expect.any(String)] },
    missing: [{ rule: 'before', count: 1 }],
  });
  expect(JSON.parse(await readFile(at('plain.json'), 'utf8'))['x-mosis-before'].signed.version).toBe(2);
}, 180_000);

it('an online key is rotated, and admins see that it waits until the root is published', async () => {
  const { session } = await createSeed(app).admin();
  const health = async () => {
    const { data } = await createClient(app.url)
      .as(session)
      .send('{ health { root { version development threshold keys warnings { code } } timestampExpiresAt } }', {});
    return data;
  };
  expect((await online('rotate', 'timestamp')).code).toBe(2);
  expect((await online('rotate', 'timestamp', '--out', at('3.json'))).code).toBe(0);
  expect(await health()).toMatchObject({ health: { root: { version: 2, warnings: [{ code: 'KEY_WAITS' }] } } });
  expect(await (await fetch(`${app.url}/metrics`)).text()).toContain('mosis_metadata_warning{code="key_waits"} 1');
  for (const name of ['b', 'c']) await offline('sign', at('3.json'), '--key', at(name));
  expect((await online('publish', at('3.json'))).code).toBe(0);
  expect(await health()).toMatchObject({ health: { root: { version: 3, threshold: 2, warnings: [] } } });
}, 180_000);
