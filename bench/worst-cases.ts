/** Owns the packages that cost the most to check, made in memory: bombs, and every text that a parser may dislike. It measures nothing. */
import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import { crc32 } from '../format/crc32.ts';
import { goodFiles, type RawEntry, rawZip } from '../test/support/packages.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface WorstCase {
  readonly name: string;
  readonly bytes: () => Uint8Array;
}

type Content = string | Uint8Array;
const repeat = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
const noise = (bytes: number): Buffer => randomBytes(bytes);
/** Text of eight letters: three bits a byte, so that 100 MiB pack to about 40. */
const dense = (bytes: number): Buffer => Buffer.from(noise(bytes).map((byte) => 97 + (byte & 7)));

/** The good app with more files, and some entries as they are told. */
function packageOf(files: Record<string, Content>, raw: readonly RawEntry[] = [], manifest = {}): Uint8Array {
  const entries = [...goodFiles({ files, manifest, secretKey: null })];
  return rawZip([...entries.map(([name, content]) => packed(name, content)), ...raw]);
}

/** Large files are packed by single letters only: repeated text, too, stays below 200 to 1. */
function packed(name: string, content: Uint8Array): RawEntry {
  if (content.length <= MIB) return { name, content, method: 8 };
  return { name, content, method: 8, data: deflateRawSync(content, { strategy: constants.Z_HUFFMAN_ONLY }) };
}

const files = (count: number, name: (i: number) => string, content: (i: number) => Content): Record<string, Content> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), content(i)]));

/** 25 MiB that pack just under 200 to 1. */
function padded(): Buffer {
  const bytes = Buffer.alloc(25 * MIB - 1, 'a');
  dense(320 * KIB).copy(bytes);
  return bytes;
}

function png(
  width: number,
  height: number,
  idat: Uint8Array,
  more: readonly (readonly [string, Uint8Array])[] = [],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([16, 6, 0, 0, 0], 8);
  const chunks = [['IHDR', header], ...more, ['IDAT', idat], ['IEND', Buffer.alloc(0)]] as const;
  const parts = chunks.map(([type, data]) => {
    const bytes = Buffer.alloc(data.length + 12);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(type, 4, 'latin1');
    bytes.set(data, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
    return bytes;
  });
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), ...parts]);
}

const rml = (body: string): string => `<rml><body>${body}</body></rml>`;
const deepPath = (i: number): string =>
  `${Array.from({ length: 14 }, (_, at) => `f${(i >> at) & 1}`).join('/')}/${i}.lua`;
const luaLine = (i: number): string =>
  `local function f${i}(a, b) if a > b then return a .. "x${i}" end return g(a, { b = ${i} }) end\n`;

const CONTAINER: readonly WorstCase[] = [
  { name: 'three files of 25 MiB at 199:1', bytes: () => packageOf(files(3, (i) => `a${i}.txt`, padded)) },
  {
    name: '100 MiB of text in 40 MiB',
    bytes: () =>
      packageOf(
        files(
          4,
          (i) => `a${i}.txt`,
          () => dense(25 * MIB - 64 * KIB),
        ),
      ),
  },
  {
    name: '50 MiB of stored noise',
    bytes: () =>
      packageOf(
        {},
        files2(2, (i) => ({ name: `a${i}.ogg`, content: Buffer.concat([Buffer.from('OggS'), noise(24 * MIB)]) })),
      ),
  },
  {
    name: '10,000 entries',
    bytes: () =>
      packageOf(
        files(
          9_990,
          (i) => `assets/t/${i}.txt`,
          (i) => `${i}`,
        ),
      ),
  },
  {
    name: '10,000 scripts, 15 folders deep',
    bytes: () => packageOf(files(9_990, deepPath, (i) => luaLine(i).repeat(4))),
  },
  {
    name: 'bomb of 1 GiB that declares 1 KiB',
    bytes: () => packageOf({}, [{ name: 'a.txt', method: 8, content: Buffer.alloc(1024 * MIB), unpackedBytes: 1000 }]),
  },
  {
    name: '10,000 entries over one local header',
    bytes: () =>
      rawZip(
        files2(10_000, (i) => ({
          name: 'a.txt',
          content: 'x',
          localOffset: 0,
          ...(i > 0 ? { omit: 'local' as const } : {}),
        })),
      ),
  },
  { name: 'archive in an archive', bytes: () => packageOf({ 'a.txt': packageOf({ 'b.txt': padded() }) }) },
  {
    name: '10,000 files of no allowed type',
    bytes: () =>
      packageOf(
        files(
          9_990,
          (i) => `a/${i}.sh`,
          () => 'x',
        ),
      ),
  },
  {
    name: '10,000 names that collide',
    bytes: () =>
      packageOf(
        {},
        files2(9_990, (i) => ({ name: `${i % 2 ? 'A' : 'a'}/b.txt`, content: 'x' })),
      ),
  },
  {
    name: 'manifest of 64 KiB of nothing',
    bytes: () => packageOf({ 'manifest.json': `{${Array.from({ length: 6000 }, (_, i) => `"${i}":0`).join(',')}}` }),
  },
];

function files2(count: number, entry: (i: number) => RawEntry): RawEntry[] {
  return Array.from({ length: count }, (_, i) => entry(i));
}

const DOCUMENTS: readonly WorstCase[] = [
  {
    name: '25 MiB of nested elements in one RML',
    bytes: () => packageOf({ 'assets/a.rml': repeat('<div>', 25 * MIB) }),
  },
  {
    name: '8 MiB of RML with handlers',
    bytes: () =>
      packageOf(
        files(
          2,
          (i) => `assets/${i}.rml`,
          (n) =>
            rml(
              Array.from({ length: 49_000 }, (_, i) => `<p id="p${i}" onclick="go(${n}, ${i})" class="row">x</p>`)
                .join('\n')
                .slice(0, 4 * MIB - 100)
                .replace(/<[^>]*$/, ''),
            ),
        ),
      ),
  },
  {
    name: '10,000 RML that refer to nothing there',
    bytes: () =>
      packageOf(
        files(
          9_000,
          (i) => `assets/${i}.rml`,
          () => rml('<img src="x.png"/>'.repeat(40)),
        ),
      ),
  },
  { name: '25 MiB of RCSS', bytes: () => packageOf({ 'assets/a.rcss': repeat('p { color: red; }\n', 25 * MIB) }) },
  {
    name: '100 MiB of RCSS in files of 4 MiB',
    bytes: () =>
      packageOf(
        files(
          24,
          (i) => `assets/${i}.rcss`,
          () => repeat('p { decorator: image(icon-home), image(x.png); }\n', 4 * MIB),
        ),
      ),
  },
  {
    name: '90 MiB of RCSS in small files',
    bytes: () =>
      packageOf(
        files(
          9_000,
          (i) => `assets/${i}.rcss`,
          () => repeat('p { decorator: image(a); }\n', 10 * KIB),
        ),
      ),
  },
  { name: '4 MiB of open blocks', bytes: () => packageOf({ 'assets/a.rcss': repeat('a{b:c(', 4 * MIB) }) },
  {
    name: '4 MiB of comments in one declaration',
    bytes: () => packageOf({ 'assets/a.rcss': `p { ${repeat('/**/', 4 * MIB - 100)} a: b; }` }),
  },
];

const DATA: readonly WorstCase[] = [
  {
    name: '25 MiB of nested arrays',
    bytes: () => packageOf({ 'locales/de.json': repeat('[', 25 * MIB), 'assets/a.json': repeat('[', 25 * MIB) }),
  },
  {
    name: '90 tables of 1 MiB',
    bytes: () =>
      packageOf(
        files(
          90,
          (i) => `locales/${String.fromCharCode(97 + (i % 26))}${String.fromCharCode(97 + Math.floor(i / 26))}.json`,
          () => `{${Array.from({ length: 65_000 }, (_, i) => `"k${i}":"v"`).join(',')}}`,
        ),
      ),
  },
  {
    name: '1 MiB of values that are no text',
    bytes: () =>
      packageOf({ 'locales/en.json': `{${Array.from({ length: 90_000 }, (_, i) => `"${i}":0`).join(',')}}` }),
  },
  {
    name: '24 MiB of JSON that names files',
    bytes: () =>
      packageOf(
        files(
          4,
          (i) => `assets/${i}.json`,
          (i) => `[${repeat(`"a${i}.png",`, 6 * MIB)}""]`,
        ),
      ),
  },
  {
    name: '24 MiB of JSON with a name a word',
    bytes: () =>
      packageOf(
        files(
          4,
          (i) => `assets/${i}.json`,
          (n) => Array.from({ length: 560_000 }, (_, i) => `"x/${n}${i}"`).join(','),
        ),
      ),
  },
];

const SCRIPTS: readonly WorstCase[] = [
  {
    name: '25 MiB of one table',
    bytes: () => packageOf({ 'assets/a.lua': `return {${repeat('1,', 25 * MIB - 20)}}` }),
  },
  {
    name: '24 MiB of tables of 1 MiB',
    bytes: () =>
      packageOf(
        files(
          24,
          (i) => `assets/${i}.lua`,
          () => `return {${repeat('{1},', MIB - 20)}}`,
        ),
      ),
  },
  {
    name: '24 MiB of scripts of 100 KiB',
    bytes: () =>
      packageOf(
        files(
          240,
          (i) => `assets/${i}.lua`,
          () =>
            Array.from({ length: 1_000 }, (_, at) => luaLine(at))
              .join('')
              .slice(0, 100 * KIB)
              .replace(/\n[^\n]*$/, '\n'),
        ),
      ),
  },
  {
    name: '1 MiB of parentheses',
    bytes: () => packageOf({ 'assets/a.lua': `return ${repeat('(', MIB / 2)}1${repeat(')', MIB / 2 - 100)}` }),
  },
  {
    name: '1 MiB of one concatenation',
    bytes: () => packageOf({ 'assets/a.lua': `return "a"${repeat('.."a"', MIB - 100)}` }),
  },
  {
    name: '24 MiB of one line a file',
    bytes: () =>
      packageOf(
        files(
          24,
          (i) => `assets/${i}.lua`,
          () => repeat('x=1;', MIB),
        ),
      ),
  },
  { name: '1 MiB of open strings', bytes: () => packageOf({ 'assets/a.lua': repeat('[==[', MIB) }) },
  {
    name: '100,000 forbidden calls',
    bytes: () =>
      packageOf(
        files(
          100,
          (i) => `assets/${i}.lua`,
          () => 'os.exit()\n'.repeat(1000),
        ),
      ),
  },
];

const PICTURES: readonly WorstCase[] = [
  {
    name: 'icon of 25 MiB',
    bytes: () =>
      packageOf(
        {},
        [{ name: 'icons/b.png', content: png(2000, 1500, deflateSync(noise(1500 * (2000 * 8 + 1)), { level: 0 })) }],
        { icons: { 64: 'icons/b.png' } },
      ),
  },
  {
    name: 'icon of 33 MB of zeros',
    bytes: () =>
      packageOf({ 'icons/b.png': png(2048, 2048, deflateSync(Buffer.alloc(2048 * (2048 * 8 + 1)))) }, [], {
        icons: { 32: 'icons/b.png', 64: 'icons/b.png', 128: 'icons/b.png' },
      }),
  },
  {
    name: 'icon that inflates to 1 GiB',
    bytes: () =>
      packageOf({ 'icons/b.png': png(64, 64, deflateSync(Buffer.alloc(1024 * MIB))) }, [], {
        icons: { 64: 'icons/b.png' },
      }),
  },
  {
    name: 'icon of 2^31 by 2^31 pixels',
    bytes: () =>
      packageOf({ 'icons/b.png': png(0x7fffffff, 0x7fffffff, deflateSync(Buffer.alloc(100))) }, [], {
        icons: { 64: 'icons/b.png' },
      }),
  },
  {
    name: 'icon of a million chunks',
    bytes: () =>
      packageOf(
        {},
        [
          {
            name: 'icons/b.png',
            content: png(
              64,
              64,
              deflateSync(Buffer.alloc(64 * (64 * 8 + 1))),
              files2(1_000_000, () => ({ name: '' })).map(() => ['tEXt', Buffer.alloc(1)] as const),
            ),
          },
        ],
        { icons: { 64: 'icons/b.png' } },
      ),
  },
];

const hostile =
  (text: string): (() => Uint8Array) =>
  () =>
    packageOf(
      files(
        3,
        (i) => `a${i}.txt`,
        () => repeat(text, 25 * MIB - 64 * KIB),
      ),
    );
const SECRETS: readonly WorstCase[] = [
  { name: '75 MiB of eyJ', bytes: hostile('eyJ') },
  { name: '75 MiB of dotted eyJ', bytes: hostile(`eyJ${'a'.repeat(60)}.`) },
  { name: '75 MiB of key headers', bytes: hostile('-----BEGIN PRIVATE KEY-----\n') },
  { name: '75 MiB of assignments', bytes: hostile('token="aaaaaaaaaaa1" ') },
  { name: '75 MiB of open assignments', bytes: hostile('token="') },
  { name: '75 MiB of token', bytes: hostile('token') },
  { name: '75 MiB of addresses', bytes: hostile('a://a:') },
  { name: '75 MiB of one address', bytes: hostile('abcdefgh') },
  { name: '75 MiB of access keys', bytes: hostile('AKIAQWERTYUIOPASDFGH ') },
  { name: '75 MiB of environment lines', bytes: hostile('A_KEY=\n') },
  { name: '75 MiB of letters of environment lines', bytes: hostile('AAAA_KEY') },
  { name: '75 MiB of real tokens', bytes: hostile(`ghp_${randomBytes(18).toString('hex')}\n`) },
  { name: '75 MiB of digits', bytes: hostile('1234567890') },
];

export const WORST_CASES: readonly WorstCase[] = [
  { name: 'a small app, for comparison', bytes: () => packageOf({}) },
  ...CONTAINER,
  ...DOCUMENTS,
  ...DATA,
  ...SCRIPTS,
  ...PICTURES,
  ...SECRETS,
];
