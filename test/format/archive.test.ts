/** What the strict walk lets through, and that its work stays bounded. */

import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { walkArchive } from '../../format/archive.ts';
import { contentsFromFiles } from '../../format/folder.ts';
import { lowerLimits, PACKAGE_LIMITS } from '../../format/limits.ts';
import { readPackageBytes } from '../../format/reader.ts';
import { foldCase } from '../../format/text.ts';
import {
  concat,
  descriptor,
  extraField,
  goodFiles,
  goodPackage,
  rawGoodZip,
  rawZip,
  utf8,
} from '../support/packages.ts';

const MIB = 1024 * 1024;
const codes = (findings: readonly { code: string }[]): string[] => findings.map((found) => found.code);

describe('archives that are not canonical but within the rules', () => {
  const content = 'hello';
  const crc = crc32(content);

  it.each([
    [
      'a data descriptor with signature',
      { flags: 8, local: { crc32: 0, packedBytes: 0, unpackedBytes: 0 }, after: descriptor(crc, 5, 5) },
    ],
    [
      'a data descriptor without signature',
      { flags: 8, local: { crc32: 0, packedBytes: 0, unpackedBytes: 0 }, after: descriptor(crc, 5, 5, false) },
    ],
    ['a data descriptor that the local header repeats', { flags: 8, after: descriptor(crc, 5, 5) }],
    ['a harmless extra field', { extra: extraField(0x5455, utf8('\x01\0\0\0\0')) }],
    ['an extra field as long as a header allows', { extra: extraField(0x5455, new Uint8Array(65_000)) }],
    ['flag bits of the compression level', { flags: 6, method: 8 }],
    ['no mode at all, by another system', { madeBySystem: 0 }],
    ['flag bit 11 on an ASCII name', { flags: 0x0800 }],
  ])('accepts %s', async (_, fields) => {
    const reading = await readPackageBytes(rawGoodZip([{ name: 'a.txt', content, ...fields }]));
    expect(reading.findings).toEqual([]);
    expect(reading.contents?.files.get('a.txt')).toEqual(utf8(content));
  });

  it('accepts directories and leaves them out of the contents', async () => {
    const reading = await readPackageBytes(rawGoodZip([{ name: 'assets/', mode: 0o040755 }, { name: 'empty/' }]));
    expect(reading.findings).toEqual([]);
    expect([...(reading.contents?.files.keys() ?? [])].filter((path) => path.endsWith('/'))).toEqual([]);
  });

  it('reads a file named like a property of every object', async () => {
    const reading = await readPackageBytes(
      rawGoodZip([
        { name: '__proto__', content },
        { name: 'constructor', content },
      ]),
    );
    expect(reading.findings).toEqual([]);
    expect(reading.contents?.files.get('__proto__')).toEqual(utf8(content));
  });

  it('takes paths at their limits', () => {
    const segment = 'n'.repeat(255);
    const report = walkArchive(
      rawZip([
        { name: `${segment}/${'m'.repeat(251)}.txt` },
        { name: 'a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p.txt' },
        { name: 'null.txt' },
        { name: 'COM10/.hidden.txt' },
      ]),
    );
    expect(report.findings).toEqual([]);
  });
});

describe('bounds', () => {
  it('inflates no more than a chunk beyond what a bomb declares', async () => {
    const zeros = { name: 'zeros.txt', content: new Uint8Array(80 * MIB), method: 8, unpackedBytes: 1000 };
    const reading = await readPackageBytes(rawZip([zeros]));
    expect(codes(reading.findings)).toEqual(['ARCHIVE_SIZE_WRONG']);
    expect(reading.inflatedBytes).toBeLessThan(256 * 1024);
  });

  it('inflates nothing of an archive whose structure is refused', async () => {
    const reading = await readPackageBytes(rawGoodZip([{ name: '../a.txt', content: 'x' }]));
    expect(reading).toMatchObject({ contents: null, entries: [], inflatedBytes: 0 });
  });

  it('refuses before it reads a header when the count is over the limit', () => {
    const report = walkArchive(goodPackage(), lowerLimits({ maxEntries: 3 }));
    expect(codes(report.findings)).toEqual(['ARCHIVE_TOO_MANY_ENTRIES']);
    expect(report.entries).toEqual([]);
  });

  it('keeps 200 findings of 10,000 bad names and counts the rest', () => {
    const report = walkArchive(rawZip(Array.from({ length: 10_000 }, (_, i) => ({ name: `../${i}` }))));
    expect(report.findings).toHaveLength(201);
    expect(report.findings.at(-1)).toMatchObject({
      code: 'FINDINGS_LEFT_OUT',
      message: '9800 more findings were left out.',
    });
  });

  it('counts the unpacked total and the single file against lowered limits', () => {
    const bytes = goodPackage();
    expect(codes(walkArchive(bytes, lowerLimits({ maxUnpackedBytes: 500 })).findings)).toEqual([
      'ARCHIVE_UNPACKED_TOO_LARGE',
    ]);
    expect(codes(walkArchive(bytes, lowerLimits({ maxFileBytes: 400 })).findings)).toEqual(['ARCHIVE_FILE_TOO_LARGE']);
    expect(codes(walkArchive(bytes, lowerLimits({ maxPackageBytes: 100 })).findings)).toEqual(['ARCHIVE_TOO_LARGE']);
  });

  it('lowers limits and never raises one', () => {
    expect(lowerLimits({ maxEntries: 1_000_000, maxFileBytes: 5 })).toEqual({ ...PACKAGE_LIMITS, maxFileBytes: 5 });
  });
});

describe('loose files', () => {
  it('gives the contents of a package made of them', async () => {
    const reading = await readPackageBytes(goodPackage());
    const loose = contentsFromFiles(new Map([...goodFiles()].reverse()));
    expect(loose.findings).toEqual([]);
    expect(loose.entries).toEqual(reading.entries);
    expect([...(loose.contents?.files.keys() ?? [])]).toEqual([...(reading.contents?.files.keys() ?? [])]);
    expect(loose.contents?.manifest).toEqual(reading.contents?.manifest);
  });

  it('refuses names, collisions and sizes with the codes of a package', () => {
    const limits = lowerLimits({ maxFileBytes: 3, maxUnpackedBytes: 5, maxEntries: 2 });
    const files = new Map([
      ['A.txt', utf8('1234')],
      ['a.txt', utf8('12')],
      ['../b', utf8('')],
    ]);
    expect(codes(contentsFromFiles(files, limits).findings).sort()).toEqual([
      'ARCHIVE_FILE_TOO_LARGE',
      'ARCHIVE_PATH_CASE_COLLISION',
      'ARCHIVE_PATH_TRAVERSAL',
      'ARCHIVE_TOO_MANY_ENTRIES',
      'ARCHIVE_UNPACKED_TOO_LARGE',
    ]);
    expect(codes(contentsFromFiles(new Map()).findings)).toEqual(['ARCHIVE_EMPTY']);
  });
});

describe('simple case folding', () => {
  it.each([
    ['Straße', 'STRAẞE', true],
    ['\u212aelvin', 'kelvin', true],
    ['\u03c3', '\u03c2', true],
    ['\u01c5', '\u01c6', true],
    ['\u{10400}', '\u{10428}', true],
    ['\u13a0', '\uab70', true],
    ['i', '\u0131', false],
    ['i', '\u0130', false],
    ['ss', '\u00df', false],
    ['e\u0301', '\u00e9', true],
  ])('%s and %s: equal is %s', (a, b, equal) => {
    expect(foldCase(a) === foldCase(b)).toBe(equal);
  });
});

it('refuses two archives in one file, whichever comes first', async () => {
  const [first, second] = [goodPackage(), rawZip([{ name: 'a.txt', content: 'x' }])];
  for (const bytes of [concat([first, second]), concat([second, first])]) {
    const reading = await readPackageBytes(bytes);
    expect(reading.contents).toBeNull();
    expect(reading.inflatedBytes).toBe(0);
  }
});
