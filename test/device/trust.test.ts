import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTrustedRepository, type TrustedRepository, trustRoot } from '../../device/trust/repository.ts';
import { signBytes } from '../../format/signing.ts';
import { APP, binOfCode, type EvilRepository, FACTS, keyOf, listed, startEvilRepository } from './repository.ts';

const START = new Date('2026-06-01T12:00:00Z');
const SECONDS = START.getTime() / 1_000;
const HOUR = 3_600_000;

let repository: EvilRepository;
let folder: string;
let now: Date;
let repositoryNow: Date;

beforeEach(async () => {
  now = START;
  repositoryNow = START;
  repository = await startEvilRepository(() => repositoryNow);
  folder = await mkdtemp(join(tmpdir(), 'mosis-trust-'));
  await trustRoot(folder, repository.files.get('1.root.json') ?? '');
  repository.publish(SECONDS, listed([1]));
});
afterEach(async () => {
  await repository.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the device is at its next look: only the folder remembers. */
function device(): TrustedRepository {
  const network = { serverUrl: repository.url, fetch, clock: () => now, sleep: async () => undefined, random: () => 0 };
  return createTrustedRepository({ network, folder });
}

async function seen(): Promise<void> {
  await device().refresh();
  expect(await look(1)).not.toBeNull();
}

async function look(code: number) {
  const client = device();
  await client.refresh();
  return client.target(APP, code);
}

const refusal = (code: string) => expect.objectContaining({ name: 'DeviceError', code });

describe('an honest repository', () => {
  it('tells of a version what it signed', async () => {
    expect(await look(1)).toMatchObject({ packageId: APP, versionCode: 1, sizeBytes: 1_000, facts: FACTS });
  });

  it('has no other versions', async () => {
    expect(await look(2)).toBeNull();
  });

  it('with nothing new costs one small file', async () => {
    await seen();
    repository.asked.length = 0;
    await device().refresh();
    expect(repository.asked).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('may change its root keys, and a device that was away follows every step', async () => {
    const [b, c] = [keyOf('b'), keyOf('c')];
    repository.files.set(
      '2.root.json',
      repository.root({ version: 2, rootKeys: [b, c], threshold: 2, signers: [repository.keys.root, b, c] }),
    );
    repository.files.set('3.root.json', repository.root({ version: 3, rootKeys: [c], signers: [b, c] }));
    expect(await device().refresh()).toMatchObject({ version: 3, development: false });
    expect(await device().refresh()).toMatchObject({ version: 3 });
  });

  it('may begin with lower numbers after its timestamp key was replaced', async () => {
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1_000, SECONDS));
    await seen();
    const fresh = keyOf('fresh');
    repository.files.set(
      '2.root.json',
      repository.root({ version: 2, rootKeys: [repository.keys.root], timestamp: fresh }),
    );
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS, { key: fresh }));
    expect(await device().refresh()).toMatchObject({ version: 2 });
  });

  it.each([
    [-12, 6],
    [-12, 0],
    [12, 6],
    [12, 0],
  ])('is read with a clock that is %i hours off, signed %i hours ago', async (hours, age) => {
    // At most six: the timestamp is made anew that often.
    repositoryNow = new Date(START.getTime() + age * HOUR);
    now = new Date(repositoryNow.getTime() + hours * HOUR);
    expect(await look(1)).not.toBeNull();
  });
});

describe('a repository that shows what is old (rollback)', () => {
  it('is refused with an older timestamp', async () => {
    await seen();
    repository.files.set('timestamp.json', repository.timestamp(SECONDS - 1, SECONDS));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_ROLLBACK'));
  });

  it('is refused with a newer timestamp of an older snapshot', async () => {
    await seen();
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS - 1));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_ROLLBACK'));
  });

  it('is refused with a new snapshot of an older bin', async () => {
    await seen();
    const versions = Object.fromEntries([...Array(16).keys()].map((bin) => [`bin-${bin.toString(16)}`, SECONDS]));
    versions[binOfCode(1)] = SECONDS - 1;
    repository.files.set(
      `${SECONDS + 1}.snapshot.json`,
      repository.snapshot(SECONDS + 1, { targets: SECONDS, ...versions }),
    );
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS + 1));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_ROLLBACK'));
  });

  it('is refused with a snapshot that forgets a bin', async () => {
    await seen();
    repository.files.set(`${SECONDS + 1}.snapshot.json`, repository.snapshot(SECONDS + 1, { targets: SECONDS }));
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS + 1));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_ROLLBACK'));
  });

  it('is refused with a root that is not the next one', async () => {
    repository.files.set('2.root.json', repository.files.get('1.root.json') ?? '');
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_ROLLBACK'));
  });
});

describe('a repository that stands still (freeze)', () => {
  it('is refused once its timestamp has ended', async () => {
    await seen();
    now = new Date(START.getTime() + 24 * HOUR);
    repositoryNow = now;
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_EXPIRED'));
  });

  it.each([
    ['snapshot', 7],
    ['root', 365],
  ])('is refused once its %s has ended, however new the rest', async (_role, days) => {
    await seen();
    now = new Date(START.getTime() + days * 24 * HOUR);
    repositoryNow = now;
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_EXPIRED'));
  });

  it('is refused once its top-level targets have ended, however new the rest', async () => {
    await seen();
    now = new Date(START.getTime() + 90 * 24 * HOUR);
    repositoryNow = now;
    const meta = Object.fromEntries([...Array(16).keys()].map((bin) => [`bin-${bin.toString(16)}`, SECONDS + 1]));
    for (const name of Object.keys(meta))
      repository.files.set(`${SECONDS + 1}.${name}.json`, repository.bin(SECONDS + 1, {}));
    repository.files.set(
      `${SECONDS + 1}.snapshot.json`,
      repository.snapshot(SECONDS + 1, { targets: SECONDS, ...meta }),
    );
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS + 1));
    await expect(device().refresh()).rejects.toThrow(/repository's targets ended/);
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_EXPIRED'));
    now = new Date(now.getTime() - 1_000);
    expect(await device().refresh()).toMatchObject({ version: 1 });
  });

  it('is refused once a bin has ended', async () => {
    const versions = Object.fromEntries([...Array(16).keys()].map((bin) => [`bin-${bin.toString(16)}`, SECONDS]));
    repository.files.set(`${SECONDS}.${binOfCode(1)}.json`, repository.bin(SECONDS, listed([1]), { expires: START }));
    repository.files.set(`${SECONDS}.snapshot.json`, repository.snapshot(SECONDS, { targets: SECONDS, ...versions }));
    await expect(look(1)).rejects.toEqual(refusal('METADATA_EXPIRED'));
  });

  it('is told apart from a clock that is days ahead', async () => {
    now = new Date(START.getTime() + 48 * HOUR);
    await expect(device().refresh()).rejects.toEqual(refusal('CLOCK_WRONG'));
  });

  it('is not taken for a clock that is ahead where a cache shows an old Date with a file that never changes', async () => {
    repositoryNow = new Date(START.getTime() + 8 * 24 * HOUR);
    now = repositoryNow;
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS));
    repository.answer = (request, response) => {
      const name = (request.url ?? '').split('/').at(-1) ?? '';
      const text = repository.files.get(name);
      const date = name.endsWith('.snapshot.json') ? START : repositoryNow;
      response.writeHead(text === undefined ? 404 : 200, { Date: date.toUTCString() }).end(text);
    };
    // The snapshot ended a day ago, by everybody's clock.
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_EXPIRED'));
  });

  it('is told apart from a clock that is days behind, which would never see an end', async () => {
    now = new Date(START.getTime() - 13 * HOUR);
    await expect(device().refresh()).rejects.toEqual(refusal('CLOCK_WRONG'));
  });
});

describe('files that do not belong together (mix and match)', () => {
  it('are refused: a snapshot under another number', async () => {
    repository.files.set(`${SECONDS}.snapshot.json`, repository.snapshot(SECONDS + 5, { targets: SECONDS }));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_MIXED'));
  });

  it('are refused: a bin under another number', async () => {
    repository.files.set(`${SECONDS}.${binOfCode(1)}.json`, repository.bin(SECONDS + 5, listed([1])));
    await expect(look(1)).rejects.toEqual(refusal('METADATA_MIXED'));
  });

  it('are refused: a bin that is missing', async () => {
    repository.files.delete(`${SECONDS}.${binOfCode(1)}.json`);
    await expect(look(1)).rejects.toEqual(refusal('METADATA_MIXED'));
  });

  it('are refused: a file of another role under this name', async () => {
    repository.files.set('timestamp.json', repository.snapshot(SECONDS, { targets: SECONDS }));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_INVALID'));
  });
});

describe('a file that its namer gives a hash and a length', () => {
  const name = `${SECONDS}.snapshot.json`;

  /** The honest timestamp, saying this of the snapshot. */
  function naming(said: { length?: number; hashes?: Record<string, string> }): void {
    const document = JSON.parse(repository.timestamp(SECONDS, SECONDS));
    Object.assign(document.signed.meta['snapshot.json'], said);
    const { key } = repository.keys.timestamp;
    const secret = createHash('sha256').update('key timestamp').digest();
    const signature = signBytes(new TextEncoder().encode(canonicalize(document.signed)), secret);
    document.signatures = [{ keyid: key.keyID, sig: Buffer.from(signature).toString('hex') }];
    repository.files.set('timestamp.json', JSON.stringify(document));
  }
  const snapshot = () => repository.files.get(name) ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');

  it('is read where both hold', async () => {
    naming({ length: snapshot().length, hashes: { sha256: hash(snapshot()) } });
    expect(await look(1)).not.toBeNull();
  });

  it('is refused with another hash, though its keys signed it', async () => {
    naming({ hashes: { sha256: hash('another') } });
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_MIXED'));
  });

  it('is cut off at that length', async () => {
    naming({ length: snapshot().length - 1 });
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_TOO_LARGE'));
  });

  it('is cut off at the most that a snapshot may have, whatever length was signed', async () => {
    naming({ length: 4_000_000_000 });
    repository.files.set(name, snapshot().padEnd(2_000_001));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_TOO_LARGE'));
  });
});

describe('signatures', () => {
  it.each(['timestamp', 'snapshot', 'targets'] as const)('by a foreign key over the %s are refused', async (role) => {
    const key = keyOf('thief');
    const forged = {
      timestamp: () => repository.files.set('timestamp.json', repository.timestamp(SECONDS, SECONDS, { key })),
      snapshot: () =>
        repository.files.set(`${SECONDS}.snapshot.json`, repository.snapshot(SECONDS, { targets: SECONDS }, { key })),
      targets: () => repository.files.set(`${SECONDS}.targets.json`, repository.targets(SECONDS, { key })),
    };
    forged[role]();
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('by a foreign key over a bin are refused', async () => {
    const forged = repository.bin(SECONDS, listed([1]), { key: keyOf('thief') });
    repository.files.set(`${SECONDS}.${binOfCode(1)}.json`, forged);
    await expect(look(1)).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('of one key twice do not reach a threshold of two', async () => {
    const [b, c] = [keyOf('b'), keyOf('c')];
    const root = JSON.parse(
      repository.root({ version: 2, rootKeys: [b, c], threshold: 2, signers: [repository.keys.root, b] }),
    );
    root.signatures.push(root.signatures.at(-1));
    repository.files.set('2.root.json', JSON.stringify(root));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('of one key under two ids do not reach a threshold of two', async () => {
    const b = keyOf('b');
    const document = JSON.parse(
      repository.root({ version: 2, rootKeys: [b], threshold: 2, signers: [repository.keys.root, b] }),
    );
    document.signed.keys['f'.repeat(64)] = b.key.toJSON();
    document.signed.roles.root.keyids.push('f'.repeat(64));
    repository.files.set('2.root.json', JSON.stringify(document));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('of the new root keys alone do not make a new root', async () => {
    const thief = keyOf('thief');
    repository.files.set('2.root.json', repository.root({ version: 2, rootKeys: [thief] }));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('of a key that was replaced since are refused', async () => {
    await seen();
    repository.files.set(
      '2.root.json',
      repository.root({ version: 2, rootKeys: [repository.keys.root], timestamp: keyOf('fresh') }),
    );
    repository.files.set('timestamp.json', repository.timestamp(SECONDS + 1, SECONDS));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('over other bytes than are shown are refused', async () => {
    const document = JSON.parse(repository.files.get('timestamp.json') ?? '');
    document.signed.meta['snapshot.json'].version += 1;
    repository.files.set('timestamp.json', JSON.stringify(document));
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });

  it('on this device that somebody changed are not believed again', async () => {
    await seen();
    const path = join(folder, 'snapshot.json');
    const document = JSON.parse(await readFile(path, 'utf8'));
    document.signed.meta = {};
    await writeFile(path, JSON.stringify(document));
    expect(await look(1)).not.toBeNull();
  });
});

describe('data without end', () => {
  it.each(['timestamp.json', '2.root.json', `${SECONDS}.snapshot.json`])('in %s is cut off', async (name) => {
    let sent = 0;
    repository.answer = (request, response) => {
      const asked = (request.url ?? '').split('/').at(-1) ?? '';
      if (asked !== name) {
        const text = repository.files.get(asked);
        response.writeHead(text === undefined ? 404 : 200).end(text);
        return;
      }
      const flood = () => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write('x'.repeat(65_536))) return;
        }
      };
      response.on('drain', flood);
      flood();
    };
    await expect(device().refresh()).rejects.toEqual(refusal('METADATA_TOO_LARGE'));
    expect(sent).toBeLessThan(32 * 1_024 * 1_024);
  });
});

describe('what a target says', () => {
  it('in a form that this device does not know is refused', async () => {
    const strange = repository.bin(SECONDS, listed([1], { v: 2 }));
    repository.files.set(`${SECONDS}.${binOfCode(1)}.json`, strange);
    await expect(look(1)).rejects.toEqual(refusal('METADATA_INVALID'));
  });
});

describe('a device', () => {
  it('keeps no bin of a level that its repository has left', async () => {
    await seen();
    const old = binOfCode(1);
    expect(await readdir(folder)).toContain(`${old}.json`);
    const meta = Object.fromEntries([...Array(16).keys()].map((bin) => [`bin-${bin.toString(16)}`, SECONDS]));
    const next = SECONDS + 1;
    const fine = binOfCode(1, 8);
    repository.files.set(`${next}.${fine}.json`, repository.bin(next, listed([1])));
    repository.files.set(`${next}.targets.json`, repository.targets(next, { level: 8 }));
    repository.files.set(`${next}.snapshot.json`, repository.snapshot(next, { targets: next, ...meta, [fine]: next }));
    repository.files.set('timestamp.json', repository.timestamp(next, next));
    const kept = ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json', `${fine}.json`].sort();
    expect(await look(1)).not.toBeNull();
    expect((await readdir(folder)).sort()).toEqual(kept);
    // With what is of this level nothing happens, and what a killed run left goes at the next look.
    await writeFile(join(folder, 'bin-0.json'), '{}');
    await device().refresh();
    expect((await readdir(folder)).sort()).toEqual(kept);
  });

  it('that trusts no root asks nobody', async () => {
    await rm(join(folder, 'root.json'));
    await expect(device().refresh()).rejects.toEqual(refusal('DEVICE_NOT_PROVISIONED'));
    expect(repository.asked).toEqual([]);
  });

  it('is not provisioned with a root that did not sign itself', async () => {
    const forged = repository.root({ version: 1, rootKeys: [keyOf('b')], signers: [keyOf('c')] });
    await expect(trustRoot(folder, forged)).rejects.toEqual(refusal('METADATA_UNTRUSTED'));
  });
});
