/** The canonical form: the same bytes for the same files, on every machine. */
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { buildPackage, canonicalOrder, PackageBuildError } from '../../format/canonical.ts';
import { crc32 } from '../../format/crc32.ts';
import { readPackageBytes } from '../../format/reader.ts';
import { sha256Hex } from '../../format/sha256.ts';
import { compareUtf8 } from '../../format/text.ts';
import { formatVerdictOfBytes } from '../../format/validate.ts';
import { goodFiles, goodPackage, rawZip, utf8 } from '../support/packages.ts';

/** Files that need no other library to make, so that only this form can change the hash. */
const GOLDEN_FILES = new Map<string, Uint8Array>([
  ['manifest.json', utf8('{"id": "com.example.golden"}\n')],
  ['assets/main.rml', utf8('<rml><body>Golden</body></rml>\n'.repeat(40))],
  ['assets/noise.txt', utf8(Array.from({ length: 4000 }, (_, i) => ((i * 2654435761) >>> 7).toString(36)).join(' '))],
  ['assets/\u00e9t\u00e9.txt', utf8('summer')],
  ['assets/empty.txt', new Uint8Array()],
  ['locales/en.json', utf8('{}')],
  ['signature.sig', utf8('{}')],
]);

describe('canonical package', () => {
  it('has the golden hash', () => {
    expect(sha256Hex(buildPackage(GOLDEN_FILES))).toBe(
      'e395f5285f31e56a518582c26d5979a96191e08452263607ba054759e6f23e69',
    );
  });

  it('does not depend on the order of its input', () => {
    const forward = buildPackage(goodFiles());
    expect(buildPackage(new Map([...goodFiles()].reverse()))).toEqual(forward);
  });

  it('puts manifest.json first and the rest by path bytes, the signature among them', () => {
    expect(
      canonicalOrder(['zoo.txt', 'signature.sig', 'a.txt', '\u{1f600}.txt', '\uff5a.txt', 'manifest.json', 'Z.txt']),
    ).toEqual(['manifest.json', 'Z.txt', 'a.txt', 'signature.sig', 'zoo.txt', '\uff5a.txt', '\u{1f600}.txt']);
  });

  it('stores what deflate does not make smaller', async () => {
    const bytes = buildPackage(
      new Map([
        ['a.txt', utf8('x')],
        ['b.txt', utf8('x'.repeat(1000))],
      ]),
    );
    const view = new DataView(bytes.buffer);
    expect(view.getUint16(8, true)).toBe(0);
    expect(view.getUint16(30 + 5 + 1 + 8, true)).toBe(8);
    expect((await readPackageBytes(bytes)).findings).toEqual([]);
  });

  it('refuses names that a package may not have, with their findings', () => {
    try {
      buildPackage(
        new Map([
          ['../a.txt', utf8('')],
          ['B.txt', utf8('')],
          ['b.txt', utf8('')],
        ]),
      );
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof PackageBuildError)) throw error;
      expect(error.findings.map((found) => found.code)).toEqual([
        'ARCHIVE_PATH_TRAVERSAL',
        'ARCHIVE_PATH_CASE_COLLISION',
      ]);
    }
  });

  it('computes CRC-32 as everyone does', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
  });
});

const segment = fc.stringMatching(/^[a-zé😀\uff5a]{1,8}$/u).filter((text) => !/^(con|prn|aux|nul)$/.test(text));
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `${parts.join('/')}.txt`);
const tree = fc.dictionary(path, fc.uint8Array({ maxLength: 300 }), { minKeys: 1, maxKeys: 12 });

describe('properties', () => {
  it('reads back exactly what was built', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const built = new Map(Object.entries(files));
        const reading = await readPackageBytes(buildPackage(built));
        expect(reading.findings).toEqual([]);
        const sorted = [...built].sort(([a], [b]) => compareUtf8(a, b));
        expect([...(reading.contents?.files ?? [])]).toEqual(
          sorted.map(([name, bytes]) => [name, Uint8Array.from(bytes)]),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('orders paths as their UTF-8 bytes do', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('never throws for changed bytes, and never accepts a changed file as signed', async () => {
    const good = goodPackage();
    const original = await formatVerdictOfBytes(good);
    const change = fc.record({ at: fc.nat({ max: good.length - 1 }), to: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = Uint8Array.from(good);
        for (const { at, to } of changes) bytes[at] = to;
        const verdict = await formatVerdictOfBytes(bytes);
        // Times, attributes and version fields may change without a file changing; then the same files are signed.
        if (verdict.signed) expect(verdict.files).toEqual(original.files);
      }),
      { numRuns: 300 },
    );
  });

  it('reads what it accepts as another ZIP reader does', async () => {
    const small = rawZip([
      { name: 'manifest.json', content: '{"a":1}', method: 8 },
      { name: 'b/c.txt', content: 'hello', mode: 0o100644 },
      { name: 'd/', mode: 0o040755 },
      { name: '\u00e9.txt', content: 'x'.repeat(50), method: 8 },
    ]);
    const change = fc.record({
      at: fc.nat({ max: small.length - 1 }),
      to: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 8, 0x50, 0xff)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = Uint8Array.from(small);
        for (const { at, to } of changes) bytes[at] = to;
        const { contents } = await readPackageBytes(bytes);
        if (contents === null) return;
        const other = Object.entries(unzipSync(bytes)).filter(([name]) => !name.endsWith('/'));
        expect(new Map(other)).toEqual(contents.files);
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws for bytes that are cut, doubled or made up', async () => {
    const good = goodPackage();
    const cut = fc.nat({ max: good.length }).map((length) => good.subarray(0, length));
    const tail = fc.nat({ max: good.length }).map((start) => good.subarray(start));
    const noise = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(cut, tail, noise), async (bytes) => {
        const verdict = await formatVerdictOfBytes(bytes);
        expect(verdict.accepted).toBe(bytes.length === good.length);
      }),
      { numRuns: 150 },
    );
  });
});
