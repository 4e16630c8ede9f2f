// docs/DEVICE_PROTOCOL.md: its worked example, its codes and its table of attacks are true of this client.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalize } from '@tufjs/canonical-json';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEVICE_ERROR_CODES } from '../../device/errors.ts';
import { findApp } from '../../device/find.ts';
import { reprDigest } from '../../device/http.ts';
import { createStorage } from '../../device/storage.ts';
import { authorise } from '../../device/trust/authorise.ts';
import { METADATA_LIMITS } from '../../device/trust/documents.ts';
import { createTrustedRepository, trustRoot } from '../../device/trust/repository.ts';
import { Envelope } from '../../device/trust/shapes.ts';
import { isSignedBy } from '../../device/trust/signatures.ts';
import { decodeDelta, dictionaryOf, maxWindowBytes } from '../../format/delta.ts';
import { pinStatementBytes, verifyPinChain } from '../../format/pins.ts';
import { binName, binOf, binPrefixOf, TargetFacts, takesPart, targetPath } from '../../format/trust/targets.ts';
import { canonical, workedExample } from './protocol-example.ts';

const APP = 'com.example.notes';
const example = workedExample();
let document: string;
beforeAll(async () => {
  document = await readFile(fileURLToPath(new URL('../../docs/DEVICE_PROTOCOL.md', import.meta.url)), 'utf8');
});

describe('the worked example', () => {
  it('is printed as it is computed', () => {
    const section = document.slice(document.indexOf('## 8. Worked example'));
    const block = /```json\n([\s\S]*?)\n```/.exec(section)?.[1] ?? '';
    expect(JSON.parse(block)).toEqual(JSON.parse(JSON.stringify(example)));
  });

  it('has signed bytes, a key id and a signature that the client takes, and not with one byte changed', () => {
    const { key, key_id: keyId, signed, signature, signed_canonical_base64: bytes } = example.metadata;
    expect(canonicalize(key)).toBe(canonical(key));
    expect(Buffer.from(canonicalize(signed)).toString('base64')).toBe(bytes);
    const role = { keyids: [keyId], threshold: 1 };
    const envelope = Envelope.parse(JSON.parse(JSON.stringify({ signatures: [signature], signed })));
    expect(isSignedBy(envelope, role, { [keyId]: key })).toBe(true);
    const changed = Envelope.parse({ signatures: [signature], signed: { ...signed, 'x-note': 'another' } });
    expect(isSignedBy(changed, role, { [keyId]: key })).toBe(false);
  });

  it('names the bins as the client does', () => {
    const { path, bins } = example.target;
    expect(targetPath(APP, 14)).toBe(path);
    for (const [bits, name] of Object.entries(bins))
      expect(binName(binOf(binPrefixOf(path), Number(bits)), Number(bits))).toBe(name);
  });

  it('is reached by the rollout from exactly its share on', async () => {
    const {
      device_secret_hex: secret,
      seed_hex: seed,
      least_basis_points_that_reach: least,
      ...rest
    } = example.rollout;
    const root = await mkdtemp(join(tmpdir(), 'mosis-protocol-'));
    try {
      const storage = createStorage(root);
      await storage.prepare();
      await writeFile(join(root, 'state', 'secret'), `${secret}\n`);
      const number = await storage.deviceNumber();
      expect(Buffer.from(number).toString('hex')).toBe(rest.device_number_hex);
      expect(await storage.deviceIdFor(APP)).toBe(rest.telemetry_device_id);
      const reached = (basisPoints: number) => takesPart({ seed, basis_points: basisPoints, state: 'active' }, number);
      expect([reached(least - 1), reached(least)]).toEqual([false, true]);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('has a pin link that the client takes', () => {
    const { statement, link } = example.pin;
    const { serial, key_ids: keyIds, public_key: publicKey, signature } = link;
    expect(new TextDecoder().decode(pinStatementBytes({ packageId: APP, serial, keyIds }))).toBe(statement);
    const chain = verifyPinChain([{ packageId: APP, serial, keyIds, publicKey, signature }], { packageId: APP });
    expect(chain).toEqual({ ok: true, keyIds, recovered: false });
  });

  it('has a chain from the root to a target that the client walks, and takes onto the device of the example', async () => {
    const { now, root, snapshot, targets, bin } = example.chain;
    const { signed, signature } = example.metadata;
    const folder = await mkdtemp(join(tmpdir(), 'mosis-protocol-'));
    const files = new Map<string, object>([['timestamp.json', { signatures: [signature], signed }]]);
    for (const { name, file } of [root, snapshot, targets, bin]) files.set(name, file);
    const asked: string[] = [];
    const repository = () =>
      createTrustedRepository({
        folder,
        network: {
          serverUrl: 'http://store.example',
          clock: () => new Date(now),
          sleep: async () => undefined,
          random: () => 0,
          fetch: async (url) => {
            const name = String(url).split('/').at(-1) ?? '';
            asked.push(name);
            const file = files.get(name);
            return new Response(JSON.stringify(file ?? null), { status: file === undefined ? 404 : 200 });
          },
        },
      });
    try {
      await trustRoot(folder, JSON.stringify(root.file));
      const client = repository();
      await client.refresh();
      const target = await client.target(APP, 14);
      expect(asked).toEqual(['2.root.json', 'timestamp.json', snapshot.name, targets.name, bin.name]);
      expect(target).toMatchObject({ sizeBytes: example.delta.makes.length, sha256: example.delta.makes_sha256 });
      if (target === null) throw new Error('the target is not listed');
      const deviceNumber = Buffer.from(example.rollout.device_number_hex, 'hex');
      const device = { installed: null, deviceNumber, mosisVersion: '1.0.0', track: 'stable' } as const;
      expect(authorise(target, device)).toEqual({ rollback: null, recoveredKeys: false });
      for (const { file, signed_canonical_base64: bytes } of [root, snapshot, targets, bin])
        expect(Buffer.from(canonicalize(file.signed)).toString('base64')).toBe(bytes);
      files.set(bin.name, { ...bin.file, signed: { ...bin.file.signed, 'x-more': 1 } });
      await rm(join(folder, 'bin-1.json'));
      const again = repository();
      await again.refresh();
      await expect(again.target(APP, 14)).rejects.toMatchObject({ code: 'METADATA_UNTRUSTED' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('has a delta that makes what it says of its dictionary', async () => {
    const { dictionary, dcz_base64: dcz, makes, available_dictionary: announced, repr_digest: digest } = example.delta;
    const delta = Buffer.from(dcz, 'base64');
    const made = await decodeDelta(delta, Buffer.from(dictionary), makes.length);
    expect(made.toString('utf8')).toBe(makes);
    expect(`:${Buffer.from(dictionaryOf(delta) ?? '', 'hex').toString('base64')}:`).toBe(announced);
    expect(reprDigest(digest)).toMatch(/^[0-9a-f]{64}$/);
    for (const [bytes, most] of Object.entries(example.delta.most_window_bytes_by_dictionary_bytes))
      expect(maxWindowBytes(Number(bytes))).toBe(most);
  });
});

it('names every code of the client', () => {
  for (const code of DEVICE_ERROR_CODES) expect(document).toContain(`\`${code}\``);
});

it('says the limits of metadata as they are', () => {
  for (const limit of Object.values(METADATA_LIMITS)) expect(document).toContain(limit.toLocaleString('en'));
});

it('says the bounds of what a target says of its package as they are', () => {
  const [, facts] = Object.entries(example.chain.bin.file.signed).find(([name]) => name === 'targets') ?? [];
  const valid = TargetFacts.parse(
    (facts as Record<string, { custom: { mosis: unknown } }>)[example.target.path]?.custom.mosis,
  );
  const text = (length: number) => 'x'.repeat(length);
  const many = <T>(length: number, one: T) => Array.from({ length }, () => one);
  const [pin] = valid.pins;
  const rollback = { track: 'stable', from: 1, reason: '', restore_data: false };
  const link = (changes: object) => ({ pins: [{ ...pin, ...changes }] });
  const seed = 'ab'.repeat(32);
  const bounds: [words: string, most: number, change: (n: number) => object][] = [
    ['of 64 characters, 64 permissions', 64, (n) => ({ version: text(n) })],
    ['`min_mosis_version` of 64 characters', 64, (n) => ({ min_mosis_version: text(n) })],
    ['64 permissions', 64, (n) => ({ permissions: many(n, 'storage') })],
    ['permissions of 64 characters', 64, (n) => ({ permissions: [text(n)] })],
    ['1 to 256 `pins`', 256, (n) => ({ pins: many(n, pin) })],
    ['1 to 16 `key_ids`', 16, (n) => link({ key_ids: many(n, valid.signer_key_id) })],
    ['`public_key` of 64', 64, (n) => link({ public_key: text(n) })],
    ['`signature` of 128 characters', 128, (n) => link({ signature: text(n) })],
    ['from 0 to 10,000', 10_000, (n) => ({ rollouts: { stable: { seed, basis_points: n, state: 'active' } } })],
    ['100 `rollbacks`', 100, (n) => ({ rollbacks: many(n, rollback) })],
    ['reasons of 500 characters', 500, (n) => ({ rollbacks: [{ ...rollback, reason: text(n) }] })],
    ['from 1 to 2,147,483,647', 2_147_483_647, (n) => ({ rollbacks: [{ ...rollback, from: n }] })],
  ];
  for (const [words, most, change] of bounds) {
    expect(document).toContain(words);
    const takes = (n: number) => TargetFacts.safeParse({ ...valid, ...change(n) }).success;
    expect([takes(most), takes(most + 1)], words).toEqual([true, false]);
  }
});

it('asks the store as it says', async () => {
  const [, text = ''] = /```json\n(\{"query"[\s\S]*?)\n```/.exec(document) ?? [];
  const sent: unknown[] = [];
  const network = {
    serverUrl: 'http://store.example',
    clock: () => new Date(),
    sleep: async () => undefined,
    random: () => 0,
    fetch: (async (_: unknown, init?: RequestInit) => {
      sent.push([init?.headers, JSON.parse(String(init?.body))]);
      return Response.json({ data: { storeApp: null } });
    }) as typeof fetch,
  };
  await expect(findApp(APP, { network, mosisVersion: '1.0.0' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const said = JSON.parse(text) as { query: string; variables: object };
  const plain = (query: string) =>
    query
      .replace(/^query \w*\(/, 'query(')
      .replace(/\s+/g, ' ')
      .replaceAll('{ {', '{');
  const [[headers, asked]] = sent as [[object, typeof said]];
  expect({ ...asked, query: plain(asked.query) }).toEqual({ ...said, query: plain(said.query) });
  for (const [name, value] of Object.entries(headers))
    expect(document.toLowerCase()).toContain(`${name}: ${value}`.toLowerCase());
});

it('names a test for each attack, and each is there', async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = (await readdir(folder)).filter((name) => name.endsWith('.test.ts') && name !== 'protocol.test.ts');
  const sources = (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
  const rows = document.slice(document.indexOf('## 9. Attacks')).split('\n').slice(6);
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows.filter((line) => line.startsWith('|'))) {
    const names = [...row.matchAll(/“([^”]+)”/g)].map(([, name]) => name ?? '');
    expect(names, row).not.toEqual([]);
    expect(names.filter((name) => !sources.includes(`'${name}`))).toEqual([]);
  }
});
