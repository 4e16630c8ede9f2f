// Icons, RML, RCSS and locales, and the package side of the Lua check: one bad case for every code of the two catalogues.

import fc from 'fast-check';
import { zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { decodePng } from '../../format/assets/png.ts';
import { parseDeclarations, parseRcss } from '../../format/assets/rcss.ts';
import { parseRml } from '../../format/assets/rml.ts';
import { ICON_CATALOGUE, LOCALE_CATALOGUE, RCSS_CATALOGUE, RML_CATALOGUE } from '../../format/catalogue/assets.ts';
import { LUA_CATALOGUE } from '../../format/catalogue/lua.ts';
import type { Check, PackageContents } from '../../format/check.ts';
import { iconsCheck } from '../../format/checks/icons.ts';
import { localesCheck } from '../../format/checks/locales.ts';
import { luaCheck } from '../../format/checks/lua.ts';
import { rcssCheck } from '../../format/checks/rcss.ts';
import { rmlCheck } from '../../format/checks/rml.ts';
import { crc32 } from '../../format/crc32.ts';
import type { Finding } from '../../format/findings.ts';
import type { Manifest } from '../../format/manifest.ts';

const ASSET_CATALOGUE = { ...ICON_CATALOGUE, ...RML_CATALOGUE, ...RCSS_CATALOGUE, ...LOCALE_CATALOGUE };
const CHECKS: readonly Check[] = [luaCheck, iconsCheck, rmlCheck, rcssCheck, localesCheck];
const encoder = new TextEncoder();

interface PngOptions {
  readonly width: number;
  readonly height: number;
  readonly bitDepth?: number;
  readonly colorType?: number;
  readonly interlace?: number;
  readonly raw?: Uint8Array;
  readonly chunks?: (chunks: Uint8Array[]) => Uint8Array[];
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(encoder.encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** A PNG of zeros; `raw` replaces its scan lines, `chunks` edits its chunks. */
function png({ width, height, bitDepth = 8, colorType = 6, interlace = 0, raw, chunks }: PngOptions): Uint8Array {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([bitDepth, colorType, 0, 0, interlace], 8);
  const samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colorType] ?? 1;
  const size = height * (1 + Math.ceil((width * samples * bitDepth) / 8));
  const parts = [chunk('IHDR', header)];
  if (colorType === 3) parts.push(chunk('PLTE', new Uint8Array(6)));
  parts.push(chunk('IDAT', zlibSync(raw ?? new Uint8Array(size))), chunk('IEND', new Uint8Array()));
  return join([new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), ...(chunks?.(parts) ?? parts)]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const ICON_64 = png({ width: 64, height: 64 });
const RML = '<rml><head><title>App</title></head><body><p>Hello</p></body></rml>';

interface PackageOptions {
  readonly permissions?: Manifest['permissions'];
  readonly icons?: Record<string, string>;
  readonly locale?: string;
}

function packageOf(files: Record<string, string | Uint8Array>, options: PackageOptions = {}): PackageContents {
  const all = { 'assets/main.rml': RML, 'icons/64.png': ICON_64, ...files };
  const manifest: Manifest = {
    id: 'org.example.app',
    name: 'App',
    version: '1.0.0',
    version_code: 1,
    entry: 'assets/main.rml',
    permissions: options.permissions ?? [],
    min_mosis_version: '1.0.0',
    author: { name: 'A', email: 'a@example.org' },
    icons: options.icons ?? { '64': 'icons/64.png' },
    ...(options.locale === undefined ? {} : { default_locale: options.locale }),
  };
  const entries = Object.entries(all).map(([path, data]): [string, Uint8Array] => [
    path,
    typeof data === 'string' ? encoder.encode(data) : data,
  ]);
  return { files: new Map(entries), manifest };
}

async function findings(contents: PackageContents): Promise<Finding[]> {
  const results = await Promise.all(CHECKS.map((check) => check.run(contents)));
  return results.flat();
}

const lua = (text: string, options?: PackageOptions) => packageOf({ 'assets/a.lua': text }, options);
const body = (text: string, files = {}) =>
  packageOf({ 'assets/main.rml': `<rml><body>${text}</body></rml>`, ...files });
const rcss = (text: string) => packageOf({ 'assets/a.rcss': text });

const BAD: Readonly<Record<keyof typeof LUA_CATALOGUE | keyof typeof ASSET_CATALOGUE, PackageContents>> = {
  LUA_SYNTAX: lua('local x ='),
  LUA_TOO_COMPLEX: lua(' '.repeat(2 * 1024 * 1024 + 1)),
  LUA_DYNAMIC_CODE: packageOf({ 'assets/a.lua': new Uint8Array([0x1b, 0x4c, 0x75, 0x61, 0x54]) }),
  LUA_PROCESS: body('<p onclick="os.exit()">x</p>'),
  LUA_FILE_SYSTEM: body('<p>x</p><script>io.open("x")</script>'),
  LUA_ENVIRONMENT: lua('os.getenv("HOME")'),
  LUA_NATIVE_CODE: lua('package.loadlib("a", "b")'),
  LUA_DEBUG: lua('debug.sethook()'),
  LUA_REQUIRE_DYNAMIC: lua('require(name)'),
  LUA_REQUIRE_MISSING: lua('require("nothing")'),
  LUA_GLOBAL_INDIRECT: lua('_G[name]()'),
  LUA_GLOBAL_TABLE_ESCAPE: lua('f(_G)'),
  LUA_ENVIRONMENT_CHANGE: lua('setmetatable(_G, {})'),
  LUA_STRING_METATABLE: lua('getmetatable("").__index = f'),
  LUA_PERMISSION_MISSING: lua('mosis.camera.capture()'),
  PERMISSION_UNUSED: lua('', { permissions: ['storage'] }),
  PERMISSION_UNUSED_DANGEROUS: lua('', { permissions: ['contacts'] }),
  LUA_PLATFORM_DYNAMIC: lua('mosis[part].get()'),
  LUA_PLATFORM_UNKNOWN: lua('mosis.storge.get("x")'),
  LUA_LONG_LINE: lua(`x = 1 -- ${'a '.repeat(600)}`),
  LUA_PACKED_DATA: lua(
    `x = "${btoa(Array.from({ length: 300 }, (_, i) => String.fromCharCode((i * i * 7 + i * 31) % 256)).join(''))}"`,
  ),
  LUA_MARKUP_CODE: lua('el.inner_rml = "<p onclick=\'" .. action .. "\'>x</p>"'),
  LUA_NETWORK_HOST_DYNAMIC: lua('mosis.net.get(address, f)', { permissions: ['network'] }),
  LUA_ENDLESS_LOOP: lua('while true do update() end'),
  LUA_GLOBAL_SHADOWED: lua('function print() end'),
  ASSET_TOO_LARGE: rcss(' '.repeat(4 * 1024 * 1024 + 1)),
  ICON_NOT_PNG: packageOf({ 'icons/64.png': ICON_64.subarray(0, 60) }),
  ICON_SIZE: packageOf({ 'icons/64.png': png({ width: 64, height: 60 }) }),
  ICON_64_MISSING: packageOf({ 'icons/32.png': png({ width: 32, height: 32 }) }, { icons: { '32': 'icons/32.png' } }),
  RML_SYNTAX: body('<p>'),
  RML_REFERENCE_MISSING: body('<img src="missing.png"/>'),
  RML_REFERENCE_TYPE: body('<script src="/a.txt"></script>', { 'a.txt': 'os.exit()' }),
  RML_TEMPLATE_MISSING: packageOf({ 'assets/main.rml': '<rml><body template="window"></body></rml>' }),
  RML_REFERENCE_DYNAMIC: body('<img data-attr-src="picture"/>'),
  RCSS_SYNTAX: rcss('body { color: red'),
  RCSS_REFERENCE_MISSING: rcss('@font-face { src: missing.ttf; }'),
  SPRITE_MISSING: rcss('p { decorator: image(icon-home); }'),
  LOCALE_NAME: packageOf({ 'locales/en_US.json': '{}' }),
  LOCALE_JSON: packageOf({ 'locales/en.json': '{ "a": "b", }' }),
  LOCALE_NOT_FLAT: packageOf({ 'locales/en.json': '{ "a": { "b": "c" } }' }),
  LOCALE_DEFAULT_MISSING: packageOf({ 'locales/de.json': '{}' }, { locale: 'fr' }),
  LOCALE_KEY_MISSING: packageOf({ 'locales/en.json': '{ "a": "A", "b": "B" }', 'locales/de.json': '{ "a": "A" }' }),
  LOCALE_DEFAULT_KEY_MISSING: packageOf({
    'locales/en.json': '{}',
    'locales/de.json': '{ "a": "A" }',
    'locales/fr.json': '{ "a": "A" }',
  }),
  LOCALE_PLACEHOLDER: packageOf({ 'locales/en.json': '{ "a": "%s" }', 'locales/de.json': '{ "a": "{name}" }' }),
  LOCALE_KEY_EXTRA: packageOf({ 'locales/en.json': '{ "a": "A" }', 'locales/de.json': '{ "a": "A", "c": "C" }' }),
};

describe('the catalogues', () => {
  const entries = Object.values({ ...LUA_CATALOGUE, ...ASSET_CATALOGUE });

  test('every code has a bad case here', () => {
    expect(Object.keys(BAD).toSorted()).toEqual(entries.map((entry) => entry.code).toSorted());
  });

  test.each(Object.entries(BAD))('%s is found in its bad case', async (code, contents) => {
    const found = (await findings(contents)).find((f) => f.code === code);
    const entry = entries.find((e) => e.code === code);
    expect(found).toMatchObject({ severity: entry?.severity, help: entry?.fix });
    expect(found?.file).toBeDefined();
    expect(found?.message).toMatch(/^[^!]{10,300}\.$/);
  });

  test('no other error comes with a bad case', async () => {
    for (const [code, contents] of Object.entries(BAD)) {
      const errors = (await findings(contents)).filter((f) => f.severity === 'error').map((f) => f.code);
      expect([code, errors.filter((c) => c !== code)]).toEqual([code, []]);
    }
  });

  test.each(entries.map((e) => [e.code, e] as const))('%s explains itself', (_code, entry) => {
    for (const text of [entry.title, entry.why, entry.fix, entry.bad, entry.good])
      expect(text.length).toBeGreaterThan(2);
    expect(entry.section).toMatch(/^[1-6]$/);
  });
});

describe('a sound package', () => {
  test('has no findings', async () => {
    const contents = packageOf(
      {
        'assets/main.rml': `<?xml version="1.0"?><!-- main --><rml><head><title>App</title>
          <link type="text/rcss" href="style.rcss"/><link type="text/template" href="/assets/window.rml"/>
          <script src="scripts/main.lua"></script><script>local net = require("net") net.start()</script>
          <style>p { decorator: image(icon-home); }</style></head>
          <body template="window" onload="document:focus()"><p onclick="event:stop(); go(&quot;x&quot;)" data-if="a < b">{{ a < b }}</p>
          <img src="/icons/64.png"/><img sprite="icon-home"/><img src="?camera:0"/><a href="https://example.org/">more</a>
          <input type=checkbox checked/><p style="decorator: image(/icons/64.png contain center);">x</p></body></rml>`,
        'assets/window.rml':
          '<template name="window" content="content"><head></head><body><div id="content"/></body></template>',
        'assets/style.rcss': `/* { */ @font-face { font-family: "Inter"; src: /assets/inter.ttf; }
          @spritesheet icons { src: ../icons/64.png; resolution: 1x; icon-home: 0px 0px 32px 32px; }
          @keyframes spin { from { transform: rotate(0deg); } to { transform: rotate(360deg); } }
          @media (min-width: 640px) { p { color: #fff; } }
          @decorator stripes : tiled-horizontal { left-image: a; }
          p > .a:not(.b), #c { color: rgb(1, 2, 3); --own: 1; decorator: tiled-box(icon-home, "/icons/64.png"), none; }`,
        'assets/scripts/main.lua': 'mosis.storage.set("a", 1)\nlocal home = require("pages.home")\nhome.show()',
        'assets/scripts/net.lua': 'return { start = function() end }',
        'assets/scripts/pages/home.lua': 'return {}',
        'assets/inter.ttf': 'x',
        'locales/en.json': '{ "a": "A", "b": "B" }',
        'locales/de.json': '{ "a": "A", "b": "B" }',
        'locales/de-AT.json': '{ "b": "Be" }',
      },
      { permissions: ['storage'] },
    );
    expect(await findings(contents)).toEqual([]);
  });
});

describe('RML in a file of another type', () => {
  test.each([
    '<link type="text/template" href="/notes.txt"/>',
    '<link type="text/rml" href="/notes.txt"/>',
    '<link href="/notes.txt"/>',
    '<link type="text/template" href="/notes.txt?.rml"/>',
    '<template src="/notes.txt"/>',
    '<p data-rml="/notes.txt"/>',
  ])('is refused: %s', async (markup) => {
    const found = await findings(body(markup, { 'notes.txt': '<p onload="os.exit()"/>' }));
    expect(found).toMatchObject([{ code: 'RML_REFERENCE_TYPE', severity: 'error' }]);
  });

  test('is refused as the template of a body', async () => {
    const files = { 'assets/main.rml': '<rml><body template="/notes.txt"></body></rml>', 'notes.txt': 'x' };
    expect((await findings(packageOf(files))).map((f) => f.code)).toEqual(['RML_REFERENCE_TYPE']);
  });

  test('is not seen in an expression of a data binding', async () => {
    expect(await findings(body('<p data-rml="note.text"/>'))).toEqual([]);
  });
});

describe('places', () => {
  test('Lua in RML is placed in the RML file', async () => {
    const contents = packageOf({
      'assets/main.rml':
        '<rml>\n<head><script>\nlocal a = 1\n  io.open("x")</script></head>\n<body><p onclick="load(1)"></p></body></rml>',
    });
    const places = (await findings(contents)).map((f) => [f.code, f.line, f.column]);
    expect(places).toEqual([
      ['LUA_FILE_SYSTEM', 4, 3],
      ['LUA_DYNAMIC_CODE', 5, 19],
    ]);
  });

  test('RCSS in RML is placed in the RML file', async () => {
    const contents = packageOf({
      'assets/main.rml':
        '<rml><head><style>\np { decorator: image(x.png); }</style></head>\n<body style="color"></body></rml>',
    });
    const places = (await findings(contents)).map((f) => [f.code, f.line, f.column]);
    expect(places).toEqual([
      ['RCSS_REFERENCE_MISSING', 2, 22],
      ['RCSS_SYNTAX', 3, 14],
    ]);
  });
});

describe('locales', () => {
  const codes = async (files: Record<string, string>) => (await findings(packageOf(files))).map((found) => found.code);
  const texts = (en: string, de: string) =>
    codes({ 'locales/en.json': JSON.stringify({ a: en }), 'locales/de.json': JSON.stringify({ a: de }) });

  test.each([
    ['%s and %s', '%s und %s'],
    ['{name} sent {count}', '{count} von {name}'],
    ['{name} is {name}', '{name} bleibt'],
    ['%5.1f %%', '%.2f %%'],
    ['100 % sure', '100 % sicher'],
    ['plain', 'schlicht'],
    ['{ not one }', '{ keiner }'],
    ['%m/%d/%Y', '%d.%m.%Y'],
    ['%I:%M %p', '%H:%M'],
  ])('takes the placeholders of "%s" and "%s" for the same', async (en, de) => {
    expect(await texts(en, de)).toEqual([]);
  });

  test.each([
    ['%s', ''],
    ['', '%d'],
    ['%s has %d', '%d hat %s'],
    ['%d', '%s'],
    ['%s', '%s %s'],
    ['{name}', '{nmae}'],
    ['{name}', 'Name'],
  ])('does not take the placeholders of "%s" and "%s" for the same', async (en, de) => {
    expect(await texts(en, de)).toEqual(['LOCALE_PLACEHOLDER']);
  });

  test('names the line of the first text with other placeholders', async () => {
    const contents = packageOf({
      'locales/en.json': '{"a": "x", "b": "%s"}',
      'locales/de.json': '{\n  "a": "x",\n  "b": "y"\n}',
    });
    expect(await findings(contents)).toMatchObject([
      { code: 'LOCALE_PLACEHOLDER', file: 'locales/de.json', line: 3, column: 3 },
    ]);
  });

  test('a regional table may have fewer keys, but not other placeholders', async () => {
    const files = { 'locales/en.json': '{"a": "%s", "b": "B"}', 'locales/en-GB.json': '{"a": "%d"}' };
    expect(await codes(files)).toEqual(['LOCALE_PLACEHOLDER']);
  });

  test('a key that one other table has is extra there; one that all have is missing in the default', async () => {
    const one = { 'locales/en.json': '{}', 'locales/de.json': '{"a": "A"}', 'locales/fr.json': '{}' };
    expect(await codes(one)).toEqual(['LOCALE_KEY_EXTRA']);
    expect(await codes({ 'locales/en.json': '{}', 'locales/de.json': '{"a": "A"}' })).toEqual(['LOCALE_KEY_EXTRA']);
    expect(await codes({ ...one, 'locales/fr.json': '{"a": "A"}' })).toEqual(['LOCALE_DEFAULT_KEY_MISSING']);
  });
});

describe('bounds that were reached are findings', () => {
  const few = async (check: Check, contents: PackageContents) => (await check.run(contents)).map((found) => found.code);
  const many = (count: number, path: (i: number) => string, text: string) =>
    packageOf(Object.fromEntries(Array.from({ length: count }, (_, i) => [path(i), text])));

  test('sheets of over 8 MiB together', async () => {
    const codes = await few(
      rcssCheck,
      many(5, (i) => `assets/${i}.rcss`, 'p { color: red; }\n'.repeat(125_000)),
    );
    expect(codes).toEqual(['ASSET_TOO_LARGE', 'ASSET_TOO_LARGE']);
  });

  test('documents of over 60,000 elements together', async () => {
    const text = `<rml><body>${'<p id="x" onclick="x()"/>'.repeat(25_000)}</body></rml>`;
    const codes = await few(
      rmlCheck,
      many(3, (i) => `assets/${i}.rml`, text),
    );
    expect(codes).toEqual(['ASSET_TOO_LARGE']);
  });

  test('tables of over 3 MiB together', async () => {
    const tag = (i: number) => `a${String.fromCharCode(97 + i)}`;
    const codes = await few(
      localesCheck,
      many(10, (i) => `locales/${tag(i)}.json`, `{"a":"${'x'.repeat(900_000)}"}`),
    );
    expect(codes).toContain('ASSET_TOO_LARGE');
  });

  test('a declaration of over 64 KiB', () => {
    const { errors } = parseRcss(`p { ${'/**/'.repeat(20_000)} a: b; }`);
    expect(errors).toMatchObject([{ message: expect.stringContaining('over 64 KiB') }]);
  });

  test('a sheet of over 20,000 references', () => {
    const { references, errors } = parseRcss('p { decorator: image(a); }\n'.repeat(20_010));
    expect(references).toHaveLength(20_000);
    expect(errors).toMatchObject([{ message: 'more than 20000 references to files and sprites' }]);
  });

  test('sheets of over 40,000 references together', async () => {
    const codes = await few(
      rcssCheck,
      many(5, (i) => `assets/${i}.rcss`, 'p { cursor: url(/icons/64.png); }\n'.repeat(15_000)),
    );
    expect(codes).toEqual(['ASSET_TOO_LARGE', 'ASSET_TOO_LARGE']);
  });

  test('a sheet with more errors than are kept', () => {
    expect(parseRcss('p { color }\n'.repeat(10_000)).errors).toHaveLength(20);
  });
});

describe('permissions', () => {
  test('a use in an event attribute counts', async () => {
    const contents = packageOf(
      { 'assets/main.rml': '<rml><body><p onclick="mosis.vibrate.pulse()">x</p></body></rml>' },
      { permissions: ['vibration'] },
    );
    expect(await findings(contents)).toEqual([]);
  });

  test('none is called unused while the API is reached in a way that cannot be read', async () => {
    const codes = (await findings(lua('mosis[x].y()', { permissions: ['contacts'] }))).map((f) => f.code);
    expect(codes).toEqual(['LUA_PLATFORM_DYNAMIC']);
  });
});

describe('PNG', () => {
  const ok = (options: PngOptions) => decodePng(png(options));
  const refusal = (bytes: Uint8Array) => {
    const result = decodePng(bytes);
    return result.ok ? 'accepted' : result.message;
  };
  const size = { width: 20, height: 10 };

  test.each([
    [0, [1, 2, 4, 8, 16]],
    [2, [8, 16]],
    [3, [1, 2, 4, 8]],
    [4, [8, 16]],
    [6, [8, 16]],
  ])('decodes colour type %i at every depth it has', (colorType, depths) => {
    for (const bitDepth of depths) expect(ok({ ...size, colorType, bitDepth })).toMatchObject({ ok: true });
    expect(ok({ ...size, colorType, bitDepth: 3 })).toMatchObject({ ok: false });
  });

  test('counts the seven passes of an interlaced image', () => {
    // 8 by 8 pixels of 8 bits: passes of 1x1, 1x1, 2x1, 2x2, 4x2, 4x4 and 8x4 pixels, each row with its filter.
    const raw = new Uint8Array(2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9);
    const image = { width: 8, height: 8, colorType: 0, interlace: 1 };
    expect(ok({ ...image, raw })).toMatchObject({ ok: true });
    expect(ok({ ...image, raw: raw.subarray(1) })).toMatchObject({ ok: false });
    expect(ok({ width: 1, height: 1, colorType: 0, interlace: 1, raw: new Uint8Array(2) })).toMatchObject({ ok: true });
  });

  test.each<[string, Uint8Array]>([
    ['begin', new Uint8Array(100)],
    ['too large', png({ width: 0x7fffffff, height: 0x7fffffff, raw: new Uint8Array(10) })],
    ['size is not valid', png({ width: 0x80000000, height: 10, raw: new Uint8Array(10) })],
    ['ends before', png(size).subarray(0, -12)],
    ['follows', join([png(size), new Uint8Array(1)])],
    ['CRC', png(size).map((byte, i) => (i === 20 ? byte ^ 1 : byte))],
    ['unknown filter', png({ ...size, raw: new Uint8Array(10 * 81).fill(5) })],
    ['shorter', png({ ...size, raw: new Uint8Array(10) })],
    ['longer', png({ ...size, raw: new Uint8Array(10 * 81 + 1) })],
    ['longer', png({ ...size, raw: new Uint8Array(30_000_000) })],
    ['too large', png({ width: 100_000, height: 100_000, raw: new Uint8Array(10) })],
    ['size is not valid', png({ width: 0, height: 10 })],
    ['palette is missing', png({ ...size, colorType: 3, chunks: (c) => c.filter((_, i) => i !== 1) })],
    ['not IHDR', png({ ...size, chunks: (c) => c.slice(1) })],
    ['IHDR chunk is malformed', png({ ...size, chunks: ([a = new Uint8Array(), ...rest]) => [a, a, ...rest] })],
    ['no image data', png({ ...size, chunks: (c) => c.filter((_, i) => i !== 1) })],
    [
      'not together',
      png({ ...size, chunks: ([a = ICON_64, b = ICON_64, c = ICON_64]) => [a, b, chunk('tEXt', ICON_64), b, c] }),
    ],
    [
      'palette is too large',
      png({
        ...size,
        colorType: 3,
        bitDepth: 1,
        chunks: ([a = ICON_64, , c = ICON_64, d = ICON_64]) => [a, chunk('PLTE', new Uint8Array(9)), c, d],
      }),
    ],
    [
      'palette is malformed',
      png({
        ...size,
        colorType: 3,
        chunks: ([a = ICON_64, , c = ICON_64, d = ICON_64]) => [a, chunk('PLTE', new Uint8Array(7)), c, d],
      }),
    ],
    [
      'palette is malformed',
      png({ ...size, colorType: 3, chunks: ([a = ICON_64, b = ICON_64, c = ICON_64, d = ICON_64]) => [a, c, b, d] }),
    ],
    [
      'greyscale image has a palette',
      png({
        ...size,
        colorType: 0,
        chunks: ([a = ICON_64, ...rest]) => [a, chunk('PLTE', new Uint8Array(6)), ...rest],
      }),
    ],
    [
      'past the end',
      png({
        ...size,
        chunks: ([a = ICON_64]) => [a, new Uint8Array([0x7f, 255, 255, 255, 73, 68, 65, 84, 0, 0, 0, 0])],
      }),
    ],
    ['coding methods', png({ ...size, interlace: 2 })],
    [
      'chunks',
      png({
        ...size,
        chunks: ([a = ICON_64, b = ICON_64, c = ICON_64]) => {
          const empty = chunk('IDAT', new Uint8Array());
          return [a, b, ...Array.from({ length: 10_000 }, () => empty), c];
        },
      }),
    ],
    ...[
      { colorType: 0, bytes: [200_000] },
      { colorType: 2, bytes: [6, 6] },
      { colorType: 6, bytes: [2] },
      { colorType: 3, bytes: [1] },
    ].map(({ colorType, bytes }): [string, Uint8Array] => [
      'transparency is malformed',
      png({
        ...size,
        colorType,
        chunks: ([a = ICON_64, ...rest]) => [a, ...bytes.map((n) => chunk('tRNS', new Uint8Array(n))), ...rest],
      }),
    ]),
    ['IEND chunk is not empty', png({ ...size, chunks: (c) => [...c.slice(0, -1), chunk('IEND', new Uint8Array(1))] })],
    ['unknown critical', png({ ...size, chunks: ([a = ICON_64, ...rest]) => [a, chunk('ABCD', ICON_64), ...rest] })],
    [
      'inflated',
      png({ ...size, chunks: ([a = ICON_64, , c = ICON_64]) => [a, chunk('IDAT', new Uint8Array(50).fill(255)), c] }),
    ],
  ])('refuses one that fails: %s', (message, bytes) => {
    expect(refusal(bytes)).toContain(message);
  });

  test('an animated PNG is judged by its first image', () => {
    // acTL, fcTL and fdAT are ancillary: a decoder of plain PNG goes past them, and so does the device.
    const animated = (raw?: Uint8Array) =>
      png({
        ...size,
        ...(raw === undefined ? {} : { raw }),
        chunks: ([a = ICON_64, b = ICON_64, c = ICON_64]) => [
          ...[a, chunk('acTL', new Uint8Array(8)), chunk('fcTL', new Uint8Array(26)), b],
          ...[chunk('fcTL', new Uint8Array(26)), chunk('fdAT', new Uint8Array(40)), c],
        ],
      });
    expect(decodePng(animated())).toMatchObject({ ok: true });
    expect(refusal(animated(new Uint8Array(10)))).toContain('shorter');
  });

  test('never throws on a damaged image', () => {
    fc.assert(
      fc.property(fc.nat({ max: ICON_64.length - 1 }), fc.nat({ max: 255 }), fc.boolean(), (at, value, cut) => {
        const bytes = ICON_64.map((byte, i) => (i === at ? value : byte));
        decodePng(cut ? bytes.subarray(0, at) : bytes);
      }),
    );
  });
});

describe('RML', () => {
  test.each([
    ['<rml><body><p></body></rml>', '</body> where </p> is expected'],
    ['<rml><body>', '<body> is never closed'],
    ['<html></html>', 'the root is <html>'],
    ['', 'no <rml> element'],
    ['hello', 'text outside'],
    ['<rml></rml><rml></rml>', 'more than one root'],
    ['<rml><p a="1></p></rml>', 'never closed'],
    ['<rml><p a="1" a="2"></p></rml>', 'appears twice'],
    ['<rml><!-- </rml>', 'comment is never closed'],
    ['<rml><script>x</rml>', '<script> is never closed'],
    ['<rml>{{ a </rml>', '{{ is never closed'],
    ['<rml>a < b</rml>', 'a name is expected'],
    ['</rml>', 'closes nothing'],
    [`<rml>${'<div>'.repeat(100_000)}`, 'levels deep'],
    // What RmlUi reads otherwise than others do could carry code past the check.
    ['<?xml ><rml><head><script>x()</script></head></rml> ?><rml></rml>', 'no <?xml … ?> at the beginning'],
    ['<rml><?p onclick="x()" a="?>"/></rml>', 'no <?xml … ?> at the beginning'],
    ['<rml><!div onclick="x()"/></rml>', 'no declarations'],
    ['<rml><![CDATA[<p onclick="x()"></p>]]></rml>', 'with markup in it'],
    ['<rml><!-- ---><p title="--><p onclick=\'x()\'></p>"></p></rml>', 'does not end in "-->" alone'],
    ['<rml><script>a = 1 --</ script><script>x()</script></rml>', 'has blanks in it'],
    ['<rml><script>a = 1 --< /script><script>x()</script></rml>', 'has blanks in it'],
    ['<rml><script>--</x </script>\nx() --<script></script></rml>', 'without its ">"'],
    ['<rml>{{ <p onclick="x()"/> }}</rml>', 'between {{ and }}'],
    ['<rml><p onclick="local s = a &apos; x() --&apos;"></p></rml>', 'not every reader'],
    ['<rml><p onclick="local s = a &#X27; x() --&#X27;"></p></rml>', 'not every reader'],
    ['<rml><p onclick="local s = \' &#x00000027; x() --\'"></p></rml>', 'not every reader'],
    ['<rml><p data-attr-onclick="handler"></p></rml>', 'known only on the device'],
  ])('refuses %.40s', (text, message) => {
    expect(parseRml(text).error?.message).toContain(message);
  });

  test('keeps what stands in a script as it is', () => {
    const { elements } = parseRml('<rml><script>if a < b and "</p>" then end</script></rml>');
    expect(elements.find((e) => e.name === 'script')?.text).toBe('if a < b and "</p>" then end');
  });

  test('takes what every reader understands', () => {
    const text = `<?xml version="1.0"?><!-- a --><rml><!---- b -----><body onclick="a &lt; b &amp;&#39;&#x41;" title="&apos;">
      <![CDATA[ x ]]>{{ a < b }}<script>x = "</p>" .. "</" .. ">" </script ></body></rml>`;
    expect(parseRml(text).error).toBeNull();
  });

  test('decodes entities in attributes', () => {
    const { elements } = parseRml('<rml><p title="&lt;a&gt; &amp; &#65;&#x42; &unknown;"/></rml>');
    expect(elements.find((e) => e.name === 'p')?.attributes[0]?.value).toBe('<a> & AB &unknown;');
  });

  test('a reference may not leave the package', async () => {
    const contents = body('<img src="../../../icons/64.png"/><img src="http://example.org/a.png"/>');
    expect((await findings(contents)).map((f) => f.code)).toEqual(['RML_REFERENCE_MISSING', 'RML_REFERENCE_MISSING']);
  });
});

describe('RCSS', () => {
  test.each([
    ['p { color: red', 'never closed'],
    ['p { color red; }', '":" is missing'],
    ['p { color: ; }', 'has no value'],
    ['p { color: red; } }', 'closes nothing'],
    ['{ color: red; }', 'a selector is expected'],
    ['p', 'a block'],
    ['p { color: red; q { a: b; } }', 'inside a block'],
    ['/* p { }', 'comment is never closed'],
    ['p { font-family: "Inter; }', 'string is never closed'],
    ['p { color: rgb(1, 2; }', '"(" is never closed'],
    ['@import "x";', 'at-rule'],
    ['@media a {'.repeat(20), 'levels deep'],
  ])('refuses %.40s', (text, message) => {
    expect(
      parseRcss(text)
        .errors.map((e) => e.message)
        .join(),
    ).toContain(message);
  });

  test('finds files and sprites in values', () => {
    const { references } = parseRcss(
      'p { decorator: ninepatch(a, b 2px, "c d.png"), image( e.png contain ); cursor: url(f.png); }',
    );
    expect(references.map((r) => `${r.kind} ${r.name}`)).toEqual([
      'sprite a',
      'sprite b',
      'file c d.png',
      'file e.png',
      'file f.png',
    ]);
  });
});

describe('hostile text', () => {
  const many = 300_000;
  test.each([
    ['tags', '<rml>'.repeat(many)],
    ['attributes', `<rml ${Array.from({ length: many }, (_, i) => `a${i}`).join(' ')}>`],
    ['quotes', `<rml a=${'"'.repeat(many)}`],
    ['closes', '</'.repeat(many)],
    ['scripts', `<rml><script>${'</'.repeat(many)}`],
    ['comments', '/*'.repeat(many)],
    ['closed comments', `p { ${'/**/'.repeat(many)} }`],
    ['brackets', `p { a: ${'a('.repeat(many)}`],
    ['blocks', '{'.repeat(many)],
    ['semicolons', `p {${';'.repeat(many)}`],
    ['entities', `<rml a="${'&#x'.repeat(many)}"/>`],
    ['NULs', '\0'.repeat(many)],
    ['blanks in values', `p { a: ${'a '.repeat(many)} }`],
  ])('finishes %s in time', (_what, text) => {
    const start = performance.now();
    parseRml(text);
    parseRcss(text);
    parseDeclarations(text);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('never throws on noise', () => {
    const parts = fc.constantFrom(
      ...[
        '<rml>',
        '</rml>',
        '<p',
        '>',
        '/>',
        ' a=',
        '"',
        "'",
        '{{',
        '}}',
        '<!--',
        '-->',
        '<script>',
        '</script>',
        '&lt;',
      ],
      ...['{', '}', ';', ':', '@media', '@spritesheet', '/*', '*/', '(', ')', 'image', 'url', 'src', 'x', '\n', '\\'],
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 40 }), (list) => {
        const text = list.join('');
        const contents = packageOf({
          'assets/main.rml': text,
          'assets/a.rcss': text,
          'locales/en.json': text,
          'a.lua': text,
        });
        for (const check of CHECKS) check.run(contents);
      }),
      { numRuns: 1000 },
    );
  });
});
