// docs/DEVICE_PROTOCOL.md: its worked example, its codes and its table of attacks are true of this client.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalize } from '@tufjs/canonical-json';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEVICE_ERROR_CODES } from '../../device/errors.ts';
import { reprDigest } from '../../device/http.ts';
import { createStorage } from '../../device/storage.ts';
import { METADATA_LIMITS } from '../../device/trust/documents.ts';
import { Envelope } from '../../device/trust/shapes.ts';
import { isSignedBy } from '../../device/trust/signatures.ts';
import { decodeDelta, dictionaryOf, maxWindowBytes } from '../../format/delta.ts';
import { pinStatementBytes, verifyPinChain } from '../../format/pins.ts';
import { binName, binOf, binPrefixOf, takesPart, targetPath } from '../../format/trust/targets.ts';
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
